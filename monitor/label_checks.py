"""The checks of performance and of changes as the look calls them: (context of a window, own state) -> outcome."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.changes.check import check_changes
from monitor.changes.diagnosis import ChangeSettings
from monitor.measurement import Measurement
from monitor.performance.check import check_performance
from monitor.performance.settings import PerformanceSettings
from monitor.performance.state import arrival_model
from monitor.windows.baseline import Baseline
from monitor.windows.window_data import WindowData


@dataclass(frozen=True)
class LabelContext:
    """What a check of labels gets.

    Attributes:
      data: The window.
      baseline: Baseline of the version that answered most rows.
      states: Name of a check -> its state after the window before.
      clock: The event clock: labels are known up to it.
      like: Reads the window one season ago, if the same version answered it; None if there is none.
    """

    data: WindowData
    baseline: Baseline
    states: Mapping[str, Any]
    clock: datetime
    like: Callable[[], WindowData | None] = lambda: None


@dataclass(frozen=True)
class LabelOutcome:
    """Measurements, the new state (JSON), and the kind of a diagnosis ("" for none)."""

    measurements: Sequence[Measurement]
    state: Any = None
    diagnosis: str = ""


LabelCheck = Callable[[LabelContext], LabelOutcome]


def performance_check(settings: PerformanceSettings) -> LabelCheck:
    """Estimated and measured performance, and label coverage."""

    def check(context: LabelContext) -> LabelOutcome:
        state = context.states.get("performance")
        found, after = check_performance(context.data, context.baseline, settings, state, context.clock)
        return LabelOutcome(found, after)

    return check


def changes_check(settings: ChangeSettings) -> LabelCheck:
    """Concept drift, prior shift, season."""

    def check(context: LabelContext) -> LabelOutcome:
        number, task = context.data.window.number, context.baseline.task
        arrival = arrival_model(context.states.get("performance") or {}, task, number)
        found, diagnosis = check_changes(
            context.data, context.baseline, settings, context.clock, context.like(), arrival
        )
        return LabelOutcome(found, None, "" if diagnosis is None or diagnosis.kind == "none" else diagnosis.kind)

    return check
