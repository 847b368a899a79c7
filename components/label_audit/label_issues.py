"""Labels judged out of sample: which rows can be, what is doubtful, and what is confused with what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.annotations import votes
from components.label_audit.confident_learning import find_doubt
from components.label_audit.cross_validation import predicted_probabilities, predicted_values
from components.label_audit.encoding import Encoded
from components.label_audit.grouped_folds import plan_folds, twins
from components.label_audit.settings import MOST_CLASSES, Settings

FAR_OUT = 3.0
"""Interquartile ranges beyond the quartiles from which a residual is "far out" (Tukey, 1977)."""
DOUBTFUL = 0.5


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known of each label.

    Attributes:
      rows: Rows judged, M of them, indices into the data.
      labels: M texts, as given.
      suggested: M texts, the likeliest other label (a regression's prediction).
      quality: M, in [0, 1]: 0 = surely wrong, 1 = surely right.
      ranked: Indices into the M, doubtful ones only, worst first.
      codes: M, class codes (a regression: all 0).
      classes: Their names.
      learned: Rows that models learnt from.
      models: Which.
      separable: False where classes overlap, so that a doubtful label is mostly a hard row; None if not asked.
      notes: What was left out and why.
    """

    rows: np.ndarray
    labels: np.ndarray
    suggested: np.ndarray
    quality: np.ndarray
    ranked: np.ndarray
    codes: np.ndarray
    classes: tuple[str, ...]
    learned: int
    models: tuple[str, ...]
    separable: bool | None
    notes: tuple[str, ...]


def judge_classes(column: pd.Series, encoded: Encoded, settings: Settings) -> Judged:
    """Judges labels that are classes. What cannot be judged is said in `notes`; nothing raises.

    Args:
      column: Labels; a missing one is not judged.
      encoded: The rows' features.
      settings: How.
    """
    coded = votes({"label": column})
    codes, notes = coded.codes[:, 0], []
    if len(codes) and (codes < 0).any():
        notes.append(f"{int((codes < 0).sum()):,} rows without a label are not judged")
    groups = twins(encoded)
    judged, few = _judged_classes(codes, groups, len(coded.classes), settings.folds)
    if few:
        notes.append(few)
    rows = np.flatnonzero(np.isin(codes, judged))
    features = encoded.matrix.shape[1]
    if len(judged) < 2 or not features or len(np.unique(groups[rows])) < 2 * settings.folds:
        why = "there is no feature" if not features else f"{len(judged)} class(es) can be judged, and it takes two"
        return _nothing(coded.classes, (*notes, f"labels are not judged: {why}"))
    own = np.searchsorted(judged, codes[rows])
    part = Encoded(encoded.matrix[rows], encoded.categorical, encoded.periods)
    models = settings.models(len(rows), len(judged))
    folds = plan_folds(groups[rows], own, settings.folds, settings.limit(models, len(judged)), settings.seed)
    doubt = find_doubt(own, predicted_probabilities(part, own, len(judged), folds, models, settings.seed))
    names = np.array([coded.classes[code] for code in judged], dtype=object)
    if not doubt.separable:
        notes.append("classes overlap: a doubtful label is mostly a hard row, and only some are wrong")
    return Judged(
        rows=rows,
        labels=names[own],
        suggested=names[doubt.suggested],
        quality=doubt.quality,
        ranked=doubt.ranked,
        codes=own,
        classes=tuple(names),
        learned=int(folds.learns.sum()),
        models=tuple(models),
        separable=doubt.separable,
        notes=tuple(notes),
    )


def judge_numbers(column: pd.Series, encoded: Encoded, settings: Settings) -> Judged:
    """Judges labels that are numbers, by the residual against an out-of-sample prediction.

    A label is doubtful where its residual is far out: FAR_OUT interquartile ranges beyond the quartiles of all
    residuals. quality = 2 ** -(d / w), where d is the distance from the nearest quartile and w that of the far-out
    mark: 1 between the quartiles, 0.5 at the mark. One scale for all rows: where the spread of the labels grows with
    their size, large ones are doubted too often.
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    rows = np.flatnonzero(np.isfinite(numbers))
    notes = [f"{len(numbers) - len(rows):,} rows without a number as label are not judged"] * (len(rows) < len(numbers))
    groups = twins(encoded)[rows]
    if not encoded.matrix.shape[1] or len(np.unique(groups)) < 2 * settings.folds:
        return _nothing((), (*notes, "labels are not judged: too few different rows"))
    part, own = Encoded(encoded.matrix[rows], encoded.categorical, encoded.periods), numbers[rows]
    models = settings.models(len(rows), 0)
    ranks = np.argsort(np.argsort(own, kind="stable"), kind="stable") * 10 // len(own)
    folds = plan_folds(groups, ranks, settings.folds, settings.limit(models, 0), settings.seed)
    predicted = predicted_values(part, own, folds, models, settings.seed)
    residual = own - predicted
    low, high = np.percentile(residual, (25, 75))
    distance = np.maximum(np.maximum(low - residual, residual - high), 0.0)
    mark = FAR_OUT * (high - low)
    quality = np.exp2(-distance / mark) if mark > 0 else np.where(distance > 0, 0.0, 1.0)
    doubtful = np.flatnonzero(quality < DOUBTFUL)
    return Judged(
        rows=rows,
        labels=np.array([f"{value:.6g}" for value in own], dtype=object),
        suggested=np.array([f"{value:.6g}" for value in predicted], dtype=object),
        quality=quality,
        ranked=doubtful[np.argsort(quality[doubtful], kind="stable")],
        codes=np.zeros(len(rows), np.int64),
        classes=(),
        learned=int(folds.learns.sum()),
        models=tuple(models),
        separable=None,
        notes=tuple(notes),
    )


def _judged_classes(codes: np.ndarray, groups: np.ndarray, classes: int, folds: int) -> tuple[np.ndarray, str]:
    """Codes of the classes with different rows enough for every fold, at most MOST_CLASSES; and what is left out."""
    known = codes >= 0
    pairs = np.unique(np.column_stack([codes[known], groups[known]]), axis=0)
    different = np.bincount(pairs[:, 0], minlength=classes)
    enough = np.flatnonzero(different >= folds)
    judged = np.sort(enough[np.argsort(-different[enough], kind="stable")[:MOST_CLASSES]])
    left = int((known & ~np.isin(codes, judged)).sum())
    if not left:
        return judged, ""
    most = f", and beyond the {MOST_CLASSES} most frequent" if len(enough) > MOST_CLASSES else ""
    return judged, (
        f"{left:,} rows of {classes - len(judged):,} classes are not judged: fewer than {folds} different rows{most}"
    )


def _nothing(classes: Sequence[str], notes: tuple[str, ...]) -> Judged:
    none, texts = np.zeros(0, np.int64), np.zeros(0, object)
    return Judged(none, texts, texts, np.zeros(0), none, none, tuple(classes), 0, (), None, notes)
