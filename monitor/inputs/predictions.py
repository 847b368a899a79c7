"""Prediction drift: the predictions of a version against those on its eval split, and against the window before."""

import numpy as np
import pyarrow as pa

from components.drift_validator.drift_detection import DriftConfig, find_drift
from components.drift_validator.thresholds import MAIN
from monitor.inputs.settings import InputSettings
from monitor.measurement import Measurement, Reference
from monitor.windows.baseline import Baseline
from monitor.windows.window_data import WindowData

SUBJECT = "(predictions)"


def check_predictions(
    data: WindowData, version: int, baseline: Baseline, previous: WindowData | None, settings: InputSettings
) -> list[Measurement]:
    """Compares the predictions of a version; [] where either side has too few rows.

    Probabilities and predicted numbers are compared by the Kolmogorov-Smirnov distance, the most probable classes of a
    multiclass model by the Chebyshev distance between their shares.
    """
    now = _predictions(data.scores(version), data.classes(version))
    found = []
    if baseline.evaluation_scores is not None:
        before = _predictions(baseline.evaluation_scores, baseline.classes)
        found += _compared(before, now, "evaluation", version, settings)
    if previous is not None:
        before = _predictions(previous.scores(version), previous.classes(version))
        found += _compared(before, now, "previous", version, settings)
    return found


def _compared(
    before: pa.Table, now: pa.Table, reference: Reference, version: int, settings: InputSettings
) -> list[Measurement]:
    if min(len(before), len(now)) < settings.min_rows:
        return []
    moderate, severe = settings.effects["prediction_drift"]
    rows = find_drift(before.to_batches(), now.to_batches(), DriftConfig(joint_rows=0)).rows
    return [
        Measurement(
            kind="prediction_drift",
            subject=SUBJECT,
            measure=one.measure,
            value=one.distance,
            effect=one.corrected_distance or 0.0,
            moderate=moderate,
            severe=severe,
            rows=len(now),
            detail=one.detail,
            reference=reference,
            version=version,
            p_value=one.p_value,
            at=one.at,
        )
        for one in rows
        if one.measure in MAIN and one.feature == SUBJECT
    ]


def _predictions(scores: np.ndarray, classes: tuple[str, ...]) -> pa.Table:
    """One column, of the rows that have a prediction: the number, or the name of the most probable class."""
    if scores.ndim == 2:
        there = np.isfinite(scores).all(axis=1) if scores.shape[1] else np.zeros(len(scores), bool)
        names = np.array(classes, object)
        return pa.table({SUBJECT: pa.array(names[scores[there].argmax(axis=1)] if there.any() else [], pa.string())})
    return pa.table({SUBJECT: pa.array(scores[np.isfinite(scores)], pa.float64())})
