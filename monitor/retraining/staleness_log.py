"""Measures the staleness of the live version in its mature windows, keeps the measurements, and forecasts from them."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.retraining.refresh import LabelledRows, staleness
from monitor.retraining.settings import Loss, RetrainingSettings
from monitor.retraining.staleness import (
    MIN_MEASUREMENTS,
    Costs,
    Saving,
    StalenessPoint,
    expected_saving,
    points_from_json,
)
from monitor.store import MonitorStore
from monitor.window import Window
from monitor.windows.window_data import WindowData

STATE = "staleness"
"""Name of the state in the store: {"points": [...], "windows": [[version, number], ...]}."""
MAX_ROWS = 50_000
"""Newest labelled rows on which a model is refreshed."""
_PAIRED = 0.5
"""Standard deviation of the difference of two models' losses on one row, in units of the mean loss: a run's summary has
the two means, and not the rows. 0.3 to 0.6 in the streams of benchmarks/retraining_streams.py."""
MIN_WINDOWS = 3
"""Windows on which a model is refreshed at least; with fewer rows the refreshed model finds too little."""
_RECENT = 8
"""Windows from which the rows of a day are counted."""
DAY = 86_400.0


class StalenessLog:
    """The measurements of one dataset."""

    def __init__(
        self,
        store: MonitorStore,
        settings: RetrainingSettings,
        read: Callable[[Window], WindowData],
        threshold: Callable[[int], float] = lambda version: 0.5,
    ) -> None:
        """Makes a log.

        Args:
          store: The monitor's store.
          settings: The settings.
          read: Reads the rows of a window.
          threshold: Version -> decision threshold of a binary model.
        """
        self._store, self._settings, self._read, self._threshold = store, settings, read, threshold

    def saving(self, now: datetime, version: int) -> tuple[Saving | None, str]:
        """Measures what is mature, and forecasts.

        Args:
          now: Time, with zone.
          version: Live version.

        Returns:
          The expected saving of a retraining; None, and why it is unknown.
        """
        windows = [one for one in self._store.windows() if one.end <= now]
        since = served_since(windows, version)
        if since is None:
            return None, f"version {version} has served in no complete window yet"
        points = self._measured(windows, version, since)
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
        )
        saving = expected_saving(points, version, (now - since).total_seconds() / DAY, costs)
        if saving is None:
            own = sum(one.version == version for one in points)
            return None, f"the staleness of version {version} is measured {own} times, {MIN_MEASUREMENTS} are needed"
        return saving, ""

    def add_evaluation(self, summary: Mapping[str, Any], now: datetime) -> None:
        """Keeps what a run measured of the former model (the champion) and the new one on the same held-out rows.

        Args:
          summary: JSON of `plumbline run`.
          now: Time, with zone.
        """
        champion, rows = summary.get("champion") or {}, int((summary.get("rows") or {}).get("eval") or 0)
        both = [_loss(found.get("metrics") or {}, self._settings.loss) for found in (champion, summary)]
        version = champion.get("version")
        since = None if version is None else served_since(self._store.windows(), int(version))
        former, new = both
        if version is None or former is None or new is None or since is None or not rows or now <= since:
            return
        age = (now - since).total_seconds() / DAY
        error = max(former, 1e-9) * _PAIRED / math.sqrt(rows)
        state = self._state()
        state["points"].append(StalenessPoint(int(version), age, former - new, error, rows, "evaluation").to_json())
        self._store.put_state(STATE, state)

    def _state(self) -> dict[str, Any]:
        return self._store.state(STATE) or {"points": [], "windows": []}

    def _measured(self, windows: Sequence[Window], version: int, since: datetime) -> list[StalenessPoint]:
        state = self._state()
        done = {tuple(pair) for pair in state["windows"]}
        served = [one for one in windows if one.state == "mature" and one.versions.get(version)]
        todo = [one for one in served if (version, one.number) not in done]
        if todo:
            before: list[LabelledRows] = []
            for window in served:
                rows = _labelled(self._read(window), version)
                if window in todo:
                    age = ((window.start + (window.end - window.start) / 2) - since).total_seconds() / DAY
                    state["points"] += self._point(before, rows, version, age)
                    state["windows"].append([version, window.number])
                if len(rows):
                    before.append(rows)
            self._store.put_state(STATE, state)
        return points_from_json(state["points"])

    def _point(
        self, before: Sequence[LabelledRows], rows: LabelledRows, version: int, age: float
    ) -> list[dict[str, Any]]:
        if len(before) < MIN_WINDOWS:
            return []
        found = staleness(_joined(before), rows, self._settings.loss, self._threshold(version))
        return [] if found is None else [StalenessPoint(version, age, found[0], found[1], len(rows)).to_json()]


def served_since(windows: Sequence[Window], version: int) -> datetime | None:
    """Start of the first window in which a version served; None if there is none."""
    return next((one.start for one in windows if one.versions.get(version)), None)


def _loss(metrics: Mapping[str, float | None], loss: Loss) -> float | None:
    """The loss from the metrics of an evaluation; None if it is not among them."""
    name = {"error_rate": "accuracy", "squared_error": "rmse", "absolute_error": "mae"}.get(loss, loss)
    value = metrics.get(name)
    if value is None:
        return None
    return {"error_rate": 1 - value, "squared_error": value**2}.get(loss, value)


def _labelled(data: WindowData, version: int) -> LabelledRows:
    """The labelled rows of a version that have a prediction, by time."""
    scores, (targets, mask) = data.scores(version), data.targets(version)
    known = mask & ~np.isnan(scores if scores.ndim == 1 else scores.sum(axis=1))
    times = data.rows(version)["time"].cast(pa.int64()).to_numpy()
    order = np.argsort(times, kind="stable")
    order = order[known[order]]
    return LabelledRows(data.features(version).take(pa.array(order)), scores[order], targets[order])


def _joined(parts: Sequence[LabelledRows]) -> LabelledRows:
    """The newest rows of all parts."""
    features = pa.concat_tables([one.features for one in parts], promote_options="permissive")
    rows = LabelledRows(
        features, np.concatenate([one.scores for one in parts]), np.concatenate([one.targets for one in parts])
    )
    return rows.rows(slice(max(0, len(rows) - MAX_ROWS), None))
