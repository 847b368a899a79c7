"""Drift and skew of the inputs: distances between the features of a window and those of a reference.

The effect is the distance without its sampling noise (components/drift_validator/severity.py), so that it does not
depend on the number of rows; in a slice, without what all rows have in common.
"""

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from components.drift_validator.comparison import COLUMNS
from components.drift_validator.drift_detection import DriftConfig, find_drift
from components.drift_validator.significance import DriftFinding
from components.drift_validator.thresholds import MAIN
from monitor.inputs.settings import InputSettings
from monitor.measurement import Kind, Measurement, Reference
from monitor.windows.baseline import Baseline
from monitor.windows.window_data import WindowData

JOINT = "joint"


def check_skew(data: WindowData, baseline: Baseline, settings: InputSettings) -> list[Measurement]:
    """Compares the features of a window with the training rows of a version; [] without these."""
    if baseline.training is None:
        return []
    training = baseline.training.select(
        [name for name in data.dataset.features if name in baseline.training.column_names]
    )
    return _compared("skew", "training", training, data, data.dataset.skew, baseline, settings)


def check_drift(
    data: WindowData, previous: WindowData | None, baseline: Baseline, settings: InputSettings
) -> list[Measurement]:
    """Compares the features of a window with those of the window before; [] without one, or if it has few rows."""
    if previous is None or len(previous.table) < settings.min_rows:
        return []
    # The joint distribution is compared with the training data alone: its test costs more than all others together.
    settings = replace(settings, joint_rows=0)
    return _compared("drift", "previous", previous.features(), data, data.dataset.drift, baseline, settings)


def _compared(
    kind: Kind,
    reference: Reference,
    before: pa.Table,
    data: WindowData,
    config: DriftConfig,
    baseline: Baseline,
    settings: InputSettings,
) -> list[Measurement]:
    now = data.features()
    names = [name for name in now.column_names if name in before.column_names]
    if len(now) < settings.min_rows or not names:
        return []
    plan = replace(
        config,
        roles=dict.fromkeys(names, "feature"),
        others="compare",
        carried=(),
        slices=[cross for cross in config.slices if set(cross) <= set(names)],
        min_slice_rows=settings.min_rows,
        joint_rows=settings.joint_rows,
    )
    found = find_drift(before.select(names).to_batches(), now.select(names).to_batches(), plan)
    chosen = [one for one in found.rows if one.measure in MAIN or one.measure == JOINT]
    whole = {(one.feature, one.measure): one.corrected_distance or 0.0 for one in chosen if not one.slice}
    return [_measurement(kind, reference, one, whole, len(now), baseline, settings) for one in chosen]


def _measurement(
    kind: Kind,
    reference: Reference,
    one: DriftFinding,
    whole: Mapping[tuple[str, str], float],
    rows: int,
    baseline: Baseline,
    settings: InputSettings,
) -> Measurement:
    moderate, severe = settings.effects["joint" if one.feature == COLUMNS else kind]
    effect = one.corrected_distance or 0.0  # None in a slice where it is negligible
    if one.slice:  # what all rows have in common is a matter of all rows
        effect = max(0.0, effect - whole.get((one.feature, one.measure), 0.0))
    return Measurement(
        kind=kind,
        subject=one.feature,
        measure=one.measure,
        value=one.distance,
        effect=effect,
        moderate=moderate,
        severe=severe,
        rows=rows,
        detail=one.detail,
        reference=reference,
        slice=one.slice,
        p_value=one.p_value,
        weight=1.0 if one.feature == COLUMNS else baseline.weight(one.feature),
        at=one.at,
    )
