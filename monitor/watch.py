"""One look of the monitor: new windows of the request log are measured, judged and stored; incidents are sent.

A killed look is repeated: each window is one transaction of the store, with the alarm rule's new state and the
incidents, and an incident is put into the outbox before it is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from monitor.alarms.alarm_rule import AlarmRule
from monitor.alarms.attribution import Rows, causes
from monitor.alarms.incidents import group_alarms
from monitor.alarms.lineage import Lineage
from monitor.alarms.settings import AlarmSettings
from monitor.incident import Alarm, Cause, Incident
from monitor.inputs.replay import Replayer
from monitor.inputs.settings import InputSettings
from monitor.label_checks import LabelCheck, LabelContext
from monitor.measurement import Measurement
from monitor.sinks.delivery import Delivery, RetryPolicy, Sink, deliver
from monitor.sinks.event import events
from monitor.sinks.outbox import Outbox
from monitor.sinks.prometheus_file import write_metrics
from monitor.store import MonitorStore, WindowResult
from monitor.window import Window
from monitor.window_checks import LABEL_KINDS, check_inputs, main_version
from monitor.windows.baseline import Baseline
from monitor.windows.baseline_reading import Baselines
from monitor.windows.bounds import Bounds
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.event_log import EventLog
from monitor.windows.schedule import Schedule, Task, schedule
from monitor.windows.settings import WindowSettings
from monitor.windows.window_data import WindowData
from serving.request_log.reading import RequestLog

WINDOWS, ALARMS, TOLD = "windows", "alarms", "told"
"""Names of states in the store."""
_KEPT = 3
"""Windows whose rows are kept in memory for the next one's comparison."""

YEAR = timedelta(weeks=52)
"""A season: so many weeks, so that a window is compared with one of the same days of the week."""


@dataclass(frozen=True)
class MonitorSettings:
    """Settings of the monitor.

    Attributes:
      windows: Windows.
      inputs: Checks without labels.
      alarms: The alarm rule.
    """

    windows: WindowSettings = field(default_factory=WindowSettings)
    inputs: InputSettings = field(default_factory=InputSettings)
    alarms: AlarmSettings = field(default_factory=AlarmSettings)


@dataclass(frozen=True)
class LookedWindow:
    """What one look found in one window.

    Attributes:
      window: The window.
      measurements: All its measurements.
      alarms: New alarms.
      incidents: New and changed incidents.
      is_new: Whether it was measured for the first time.
      messages: What was left out, and is told for the first time.
    """

    window: Window
    measurements: tuple[Measurement, ...]
    alarms: tuple[Alarm, ...] = ()
    incidents: tuple[Incident, ...] = ()
    is_new: bool = True
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class WatchDependencies:
    """What a look works with.

    Attributes:
      dataset: The dataset.
      settings: Settings.
      log: The request log.
      baselines: Baselines of the versions.
      store: The store; the caller holds its lock.
      replayer: Loads versions for the replay; None leaves it out.
      label_checks: Name of a state in the store -> check of labels.
      sinks: Name -> where incidents are sent.
      outbox: Events that still have to be sent; None without sinks.
      retry: Waiting times between attempts to send.
      prometheus: File of gauges that is written after each look; None for none.
    """

    dataset: MonitoredDataset
    settings: MonitorSettings
    log: RequestLog
    baselines: Baselines
    store: MonitorStore
    replayer: Replayer | None = None
    label_checks: Mapping[str, LabelCheck] = field(default_factory=dict)
    sinks: Mapping[str, Sink] = field(default_factory=dict)
    outbox: Outbox | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    prometheus: Path | None = None


class Watch:
    """Looks at the request log, again and again; keeps the rows of the last windows in memory."""

    def __init__(self, parts: WatchDependencies) -> None:
        self._parts = parts
        self._log = EventLog(parts.log, parts.dataset, parts.settings.windows)
        self._rule = AlarmRule(parts.settings.alarms)
        self._recent: dict[int, WindowData] = {}
        self.messages: tuple[str, ...] = ()
        """What the last look said about the log itself, one line each."""
        self.clock: datetime | None = None
        """How far the log had come at the last look, in event time; the present for requests that arrive at once."""

    @property
    def store(self) -> MonitorStore:
        """The store."""
        return self._parts.store

    def look(self, now: datetime | None = None) -> Iterator[LookedWindow]:
        """Measures the windows that are new, or have new rows or labels, oldest first; yields each when it is stored.

        Args:
          now: The present, with zone; None is the clock's.

        Raises:
          UsageError: The windows so far are of another kind.
          InputError: The log or the store cannot be read, or a newer version wrote it.
        """
        now = now or datetime.now(timezone.utc)
        store = self._parts.store
        plan = schedule(self._log, self._parts.settings.windows, store.windows(), store.state(WINDOWS), now)
        self.messages, self.clock = plan.messages, plan.clock
        for task in plan.tasks:
            yield self._measured(task, plan)
        if plan.state:
            store.put_state(WINDOWS, plan.state)

    def send(self, now: datetime | None = None) -> Delivery:
        """Sends the incidents that changed, and what waits in the outbox; writes the gauges.

        Raises:
          OSError: The file of gauges cannot be written.
        """
        parts, now = self._parts, now or datetime.now(timezone.utc)
        windows, incidents = parts.store.windows(), parts.store.incidents()
        last = Incident.time_text(windows[-1].end) if windows else ""
        delivery = Delivery(0, 0, 0)
        if parts.outbox is not None and parts.sinks:
            # An incident that closed in an earlier window of this look, or before a kill, is told if it was known.
            wanted = [
                one
                for one in incidents
                if one.state != "closed" or one.updated == last or parts.outbox.has_told(parts.dataset.name, one.number)
            ]
            delivery = deliver(events(parts.dataset.name, wanted), parts.sinks, parts.outbox, now, parts.retry)
        if parts.prometheus is not None and windows:
            write_metrics(
                parts.prometheus,
                parts.dataset.name,
                windows[-1],
                [one for _, one in parts.store.measurements(windows[-1].number)],
                [one for one in incidents if one.state != "closed"],
                parts.store.state(ALARMS) or {},
                delivery.waiting,
            )
        return delivery

    def close(self) -> None:
        """Releases the models that were loaded for the replay."""
        if self._parts.replayer is not None:
            self._parts.replayer.close()

    # -- one window -----------------------------------------------------------------------------------------------

    def _measured(self, task: Task, plan: Schedule) -> LookedWindow:
        parts, store = self._parts, self._parts.store
        late = task.late
        data = self._log.read(task.bounds, task.state, late)
        self._keep(data)
        version = main_version(data)
        baseline = parts.baselines.of(version) if version is not None else Baseline(0, task=parts.dataset.task)
        known = [one for _, one in store.measurements(task.bounds.number)] if task.known is not None else []
        messages: list[str] = []
        if task.rows_changed or not known:
            previous = self._previous(task.bounds)
            checked = check_inputs(data, previous, parts.baselines, parts.replayer, parts.settings.inputs)
            found = list(checked.measurements)
            messages += checked.left_out
        else:
            found = [one for one in known if one.kind not in LABEL_KINDS]
        states: dict[str, Any] = {}
        diagnosis = ""
        if version is not None:
            before = {name: store.state(name) for name in parts.label_checks}
            context = LabelContext(data, baseline, before, plan.clock, lambda: self._year_ago(task.bounds, version))
            for name, check in parts.label_checks.items():
                outcome = check(context)
                found += outcome.measurements
                states[name], diagnosis = outcome.state, outcome.diagnosis or diagnosis
        if late:
            messages.append(f"window {data.window.number}: {late:,} rows came late; it was measured again")
        alarms, states[ALARMS] = self._rule.update(data.window, found, store.state(ALARMS))
        incidents = self._incidents(alarms, found, data, baseline, states[ALARMS], diagnosis)
        fresh, states[TOLD] = _untold(messages, store.state(TOLD))
        if task.known is None:
            states[WINDOWS] = plan.state
        store.add(WindowResult(data.window, found, incidents, states))
        return LookedWindow(
            data.window, tuple(found), tuple(alarms), tuple(incidents), task.known is None, tuple(fresh)
        )

    def _incidents(
        self,
        alarms: Sequence[Alarm],
        measurements: Sequence[Measurement],
        data: WindowData,
        baseline: Baseline,
        state: Mapping[str, Any],
        diagnosis: str,
    ) -> list[Incident]:
        store, settings = self._parts.store, self._parts.settings.alarms
        rows = None
        if baseline.training is not None and len(data.table):
            features = data.features()
            names = [name for name in features.column_names if name in baseline.training.column_names]
            slices = tuple(column for cross in self._parts.dataset.skew.slices for column in cross)
            rows = Rows(features.select(names), baseline.training.select(names), slices=slices)

        def found(some: Sequence[Alarm]) -> tuple[Cause, ...]:
            return causes(some, state, rows, Lineage(_upstream(self._parts.dataset)))

        every = store.incidents()
        return group_alarms(
            alarms,
            measurements,
            [one for one in every if one.state != "closed"],
            data.window,
            state,
            next_number=max((one.number for one in every), default=0) + 1,
            causes=found,
            diagnosis=diagnosis,
            min_importance=settings.min_importance,
        )

    def _year_ago(self, bounds: Bounds, version: int) -> WindowData | None:
        """The window of the same time a year ago; None if there is none, or another version answered it."""
        for one in self._parts.store.windows():
            if one.start == bounds.start - YEAR and one.end == bounds.end - YEAR and version in one.versions:
                return self._log.read(Bounds(one.number, one.start, one.end), one.state)
        return None

    def _previous(self, bounds: Bounds) -> WindowData | None:
        """The newest window with rows before this one, of those that are adjacent but for a few empty ones."""
        earlier = [one for one in self._parts.store.windows() if one.number < bounds.number and one.rows]
        if not earlier:
            return None
        last = earlier[-1]
        known = self._recent.get(last.number)
        return known or self._keep(self._log.read(Bounds(last.number, last.start, last.end), last.state))

    def _keep(self, data: WindowData) -> WindowData:
        """Keeps a window with rows in memory, in place of the one that was kept first."""
        if data.window.rows:
            self._recent.pop(data.window.number, None)
            self._recent[data.window.number] = data
            while len(self._recent) > _KEPT:
                del self._recent[next(iter(self._recent))]
        return data


def _upstream(dataset: MonitoredDataset) -> dict[str, tuple[str, ...]]:
    """Derived column -> the column that it is derived from."""
    from components.shared.features.derived_features import readings

    return {name: (readings(name)[0].column,) for name in dataset.skew.derived}


def _untold(messages: Sequence[str], told: Sequence[str] | None, most: int = 200) -> tuple[list[str], list[str]]:
    """Messages that were not told before, and all that were: what is left out for long is said once."""
    before = list(told or [])
    fresh = [one for one in dict.fromkeys(messages) if one not in before]
    return fresh, [*before, *fresh][-most:]
