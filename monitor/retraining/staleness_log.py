"""Measures the staleness of the live version in its mature windows, keeps the measurements, and forecasts from them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.retraining.refresh import LabelledRows, staleness
from monitor.retraining.settings import RetrainingSettings
from monitor.retraining.staleness import FEWEST, Costs, Saving, StalenessPoint, expected_saving, points_from_json
from monitor.store import MonitorStore
from monitor.window import Window
from monitor.windows.window_data import WindowData

STATE = "staleness"
"""Name of the state in the store: {"points": [...], "windows": [[version, number], ...]}."""
MOST_ROWS = 50_000
"""Newest labelled rows on which a model is refreshed."""
_RECENT = 8
"""Windows from which the rows of a day are counted."""
DAY = 86_400.0


class StalenessLog:
    """The measurements of one dataset."""

    def __init__(
        self, store: MonitorStore, settings: RetrainingSettings, read: Callable[[Window], WindowData], threshold: float
    ) -> None:
        """Makes a log.

        Args:
          store: The monitor's store.
          settings: The settings.
          read: Reads the rows of a window.
          threshold: Decision threshold of a binary model.
        """
        self._store, self._settings, self._read, self._threshold = store, settings, read, threshold

    def saving(self, now: datetime, version: int, trained: datetime) -> tuple[Saving | None, str]:
        """Measures what is mature, and forecasts.

        Args:
          now: Time, with zone.
          version: Live version.
          trained: End of its training rows, or when it was pushed.

        Returns:
          The expected saving of a retraining; None, and why it is unknown.
        """
        windows = [one for one in self._store.windows() if one.end <= now]
        if not windows:
            return None, "no window yet"
        points = self._measured(windows, now, version, trained)
        recent = windows[-_RECENT:]
        days = sum((one.end - one.start).total_seconds() for one in recent) / DAY
        length = float(np.median([(one.end - one.start).total_seconds() for one in recent])) / DAY
        settings = self._settings
        costs = Costs(
            settings.cost,
            settings.loss_cost,
            sum(one.rows for one in recent) / days,
            settings.horizon_days,
            length,
            settings.label_delay_hours / 24,
        )
        age = max(0.0, (now - trained).total_seconds() / DAY)
        saving = expected_saving(points, version, age, costs)
        if saving is None:
            own = sum(one.version == version for one in points)
            return None, f"{own} of {FEWEST} mature windows of version {version} are measured"
        return saving, ""

    def _measured(
        self, windows: Sequence[Window], now: datetime, version: int, trained: datetime
    ) -> list[StalenessPoint]:
        state: dict[str, Any] = self._store.state(STATE) or {"points": [], "windows": []}
        done = {tuple(pair) for pair in state["windows"]}
        mature = now - timedelta(hours=self._settings.label_delay_hours)
        served = [one for one in windows if one.start >= trained and one.end <= mature and one.versions.get(version)]
        todo = [one for one in served if (version, one.number) not in done]
        if todo:
            before: list[LabelledRows] = []
            for window in served:
                rows = _labelled(self._read(window), version)
                if window in todo:
                    age = ((window.start + (window.end - window.start) / 2) - trained).total_seconds() / DAY
                    state["points"] += self._point(_joined(before), rows, version, age)
                    state["windows"].append([version, window.number])
                if len(rows):
                    before.append(rows)
            self._store.put_state(STATE, state)
        return points_from_json(state["points"])

    def _point(self, before: LabelledRows | None, rows: LabelledRows, version: int, age: float) -> list[dict[str, Any]]:
        found = None if before is None else staleness(before, rows, self._settings.loss, self._threshold)
        return [] if found is None else [StalenessPoint(version, age, found[0], found[1], len(rows)).to_json()]


def _labelled(data: WindowData, version: int) -> LabelledRows:
    """The labelled rows of a version that have a prediction, by time."""
    scores, (targets, mask) = data.scores(version), data.targets(version)
    known = mask & ~np.isnan(scores if scores.ndim == 1 else scores.sum(axis=1))
    times = data.rows(version)["time"].cast(pa.int64()).to_numpy()
    order = np.argsort(times, kind="stable")
    order = order[known[order]]
    return LabelledRows(data.features(version).take(pa.array(order)), scores[order], targets[order])


def _joined(parts: Sequence[LabelledRows]) -> LabelledRows | None:
    """The newest rows of all parts; None without one. Classes differ between windows only where a version changes."""
    if not parts:
        return None
    features = pa.concat_tables([one.features for one in parts], promote_options="permissive")
    rows = LabelledRows(
        features, np.concatenate([one.scores for one in parts]), np.concatenate([one.targets for one in parts])
    )
    return rows.rows(slice(max(0, len(rows) - MOST_ROWS), None))
