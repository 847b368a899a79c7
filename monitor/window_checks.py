"""All checks of one window. Those of labels are in monitor.performance and monitor.changes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from monitor.inputs.distributions import check_drift, check_skew
from monitor.inputs.operations import check_operations
from monitor.inputs.predictions import check_predictions
from monitor.inputs.quality import check_quality
from monitor.inputs.replay import Replayer, check_replay
from monitor.inputs.settings import InputSettings
from monitor.measurement import Measurement
from monitor.windows.baseline import Baseline
from monitor.windows.baseline_reading import Baselines
from monitor.windows.window_data import WindowData

LABEL_KINDS = frozenset({"label_coverage", "estimated_performance", "performance", "concept_drift", "prior_shift"})
"""Kinds that change when labels come; a window whose rows are the same is measured again in these alone."""


@dataclass(frozen=True)
class Checked:
    """Measurements of a window, and what is left out, one sentence each."""

    measurements: tuple[Measurement, ...]
    left_out: tuple[str, ...] = ()


def main_version(data: WindowData) -> int | None:
    """The version that answered most rows, the newest of equals; None for a window without rows."""
    return max(data.window.versions, key=lambda version: (data.window.versions[version], version), default=None)


def check_inputs(
    data: WindowData,
    previous: WindowData | None,
    baselines: Baselines,
    replayer: Replayer | None,
    settings: InputSettings,
) -> Checked:
    """Measures what needs no labels.

    Args:
      data: The window.
      previous: The window before; None for the first.
      baselines: Baselines of the versions.
      replayer: Loads versions; None leaves the replay out.
      settings: Which checks run, and their thresholds.
    """
    found: list[Measurement] = []
    left_out: list[str] = []
    if "operations" in settings.checks:
        found += check_operations(data, previous, settings)
    version = main_version(data)
    if version is None:
        return Checked(tuple(found))
    baseline = baselines.of(version)
    left_out += baseline.left_out
    if data.window.rows < settings.min_rows:
        left_out.append(
            f"window {data.window.number}: {data.window.rows:,} rows, fewer than min_rows ({settings.min_rows}): "
            "distributions are not compared"
        )
    for name, check in _of_rows(data, previous, version, baseline, settings):
        if name in settings.checks:
            found += check()
    if "transform_skew" in settings.checks and replayer is not None and settings.replay_rows:
        for one in data.window.versions:
            rows = data.raw.filter(pc.equal(data.raw["version"], one)).slice(0, settings.replay_rows)
            measured, why = check_replay(rows, one, replayer, settings)
            found += measured
            left_out += [why] if why else []
    return Checked(tuple(found), tuple(dict.fromkeys(left_out)))


def _of_rows(
    data: WindowData, previous: WindowData | None, version: int, baseline: Baseline, settings: InputSettings
) -> Iterable[tuple[str, Callable[[], Any]]]:
    yield "skew", lambda: check_skew(data, baseline, settings)
    yield "drift", lambda: check_drift(data, previous, baseline, settings)
    yield "prediction_drift", lambda: check_predictions(data, version, baseline, previous, settings)
    yield "quality", lambda: check_quality(data, baseline, settings)
