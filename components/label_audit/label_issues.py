"""Finds label issues of a column: by confident learning for classes, by residuals for numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.annotations import annotation_matrix
from components.label_audit.confident_learning import find_label_issues
from components.label_audit.cross_validation import predicted_probabilities, predicted_values
from components.label_audit.encoding import EncodedFeatures
from components.label_audit.grouped_folds import duplicate_groups, plan_folds
from components.label_audit.settings import MAX_CLASSES, LabelAuditSettings

FAR_OUT = 3.0
"""Distance from the quartiles, in interquartile ranges, from which a residual is "far out" (Tukey, 1977)."""
DOUBTFUL = 0.5
"""Label quality of a number below which it is an issue: that of a residual at the far-out fence."""


@dataclass(frozen=True, eq=False)
class LabelQuality:
    """Quality of the labels of M scored rows.

    Attributes:
      rows: Indices of the scored rows in the data, [M].
      labels: Given labels as text, [M].
      suggested: Most probable other class, or the prediction of a regression, as text, [M].
      quality: Label quality [M], in [0, 1]; near 0 the label is probably wrong.
      ranked: Indices into the M rows of the label issues, lowest quality first.
      codes: Class codes [M]; 0 for a regression.
      classes: Class names by code.
      learned: Number of training rows.
      models: Names of the models.
      separable: False where classes overlap, so that many issues are rows that are merely hard to predict; None for a
        regression or where no row was scored.
      notes: Rows that were not scored, with the reason.
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


def find_class_issues(column: pd.Series, encoded: EncodedFeatures, settings: LabelAuditSettings) -> LabelQuality:
    """Scores class labels by confident learning on out-of-sample probabilities.

    Labels that cannot be scored are reported in `notes` and raise no error.

    Args:
      column: Labels, [N]; missing labels are not scored.
      encoded: Features of the N rows.
      settings: Label-audit settings.
    """
    coded = annotation_matrix({"label": column})
    codes, notes = coded.codes[:, 0], []
    if len(codes) and (codes < 0).any():
        notes.append(f"{int((codes < 0).sum()):,} rows without a label are not audited")
    groups = duplicate_groups(encoded)
    audited, few = _audited_classes(codes, groups, len(coded.classes), settings.folds)
    if few:
        notes.append(few)
    rows = np.flatnonzero(np.isin(codes, audited))
    features = encoded.matrix.shape[1]
    if len(audited) < 2 or not features or len(np.unique(groups[rows])) < 2 * settings.folds:
        why = "there is no feature" if not features else _too_few_classes(len(audited))
        return _nothing(coded.classes, (*notes, f"labels are not audited: {why}"))
    own = np.searchsorted(audited, codes[rows])
    part = encoded.of(rows)
    models = settings.models(len(rows), len(audited), encoded.embedded > 0)
    folds = plan_folds(groups[rows], own, settings.folds, settings.limit(models, len(audited)), settings.seed)
    doubt = find_label_issues(own, predicted_probabilities(part, own, len(audited), folds, models, settings.seed))
    names = np.array([coded.classes[code] for code in audited], dtype=object)
    if not doubt.separable:
        notes.append("classes overlap: many of these rows are hard to predict, not mislabelled")
    return LabelQuality(
        rows=rows,
        labels=names[own],
        suggested=names[doubt.suggested],
        quality=doubt.quality,
        ranked=doubt.ranked,
        codes=own,
        classes=tuple(names),
        learned=int(folds.in_sample.sum()),
        models=tuple(models),
        separable=doubt.separable,
        notes=tuple(notes),
    )


def find_number_issues(column: pd.Series, encoded: EncodedFeatures, settings: LabelAuditSettings) -> LabelQuality:
    """Scores numeric labels by their residuals from out-of-sample predictions.

    A label is an issue where its residual is far out: more than FAR_OUT interquartile ranges beyond the quartiles of
    all residuals (Tukey's outer fence). quality = 2 ** -(d / w), with d the distance from the nearest quartile and w
    the distance of the fence: 1 between the quartiles, 0.5 at the fence. One scale is used for all rows. Where the
    variance grows with the label, large labels are reported too often.

    Args:
      column: Labels, [N]; missing and infinite ones are not scored.
      encoded: Features of the N rows.
      settings: Label-audit settings.
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    rows = np.flatnonzero(np.isfinite(numbers))
    without = len(numbers) - len(rows)
    notes = [f"{without:,} rows whose label is not a number are not audited"] if without else []
    groups = duplicate_groups(encoded)[rows]
    if not encoded.matrix.shape[1] or len(np.unique(groups)) < 2 * settings.folds:
        return _nothing((), (*notes, "labels are not audited: too few distinct rows"))
    part, own = encoded.of(rows), numbers[rows]
    models = settings.models(len(rows), 0, encoded.embedded > 0)
    ranks = np.argsort(np.argsort(own, kind="stable"), kind="stable") * 10 // len(own)
    folds = plan_folds(groups, ranks, settings.folds, settings.limit(models, 0), settings.seed)
    predicted = predicted_values(part, own, folds, models, settings.seed)
    residual = own - predicted
    low, high = np.percentile(residual, (25, 75))
    distance = np.maximum(np.maximum(low - residual, residual - high), 0.0)
    mark = FAR_OUT * (high - low)
    quality = np.exp2(-distance / mark) if mark > 0 else np.where(distance > 0, 0.0, 1.0)
    doubtful = np.flatnonzero(quality < DOUBTFUL)
    return LabelQuality(
        rows=rows,
        labels=np.array([f"{value:.6g}" for value in own], dtype=object),
        suggested=np.array([f"{value:.6g}" for value in predicted], dtype=object),
        quality=quality,
        ranked=doubtful[np.argsort(quality[doubtful], kind="stable")],
        codes=np.zeros(len(rows), np.int64),
        classes=(),
        learned=int(folds.in_sample.sum()),
        models=tuple(models),
        separable=None,
        notes=tuple(notes),
    )


def _audited_classes(codes: np.ndarray, groups: np.ndarray, classes: int, folds: int) -> tuple[np.ndarray, str]:
    """Codes of the classes with at least one distinct row per fold, at most MAX_CLASSES; and a note on the others."""
    known = codes >= 0
    pairs = np.unique(np.column_stack([codes[known], groups[known]]), axis=0)
    different = np.bincount(pairs[:, 0], minlength=classes)
    enough = np.flatnonzero(different >= folds)
    audited = np.sort(enough[np.argsort(-different[enough], kind="stable")[:MAX_CLASSES]])
    left = int((known & ~np.isin(codes, audited)).sum())
    if not left:
        return audited, ""
    most = f", and beyond the {MAX_CLASSES} most frequent" if len(enough) > MAX_CLASSES else ""
    return audited, (
        f"{left:,} rows of {classes - len(audited):,} classes are not audited: fewer than {folds} distinct rows{most}"
    )


def _too_few_classes(classes: int) -> str:
    return f"{classes} class{'es' * (classes != 1)} with enough distinct rows, at least 2 are needed"


def _nothing(classes: Sequence[str], notes: tuple[str, ...]) -> LabelQuality:
    none, texts = np.zeros(0, np.int64), np.zeros(0, object)
    return LabelQuality(none, texts, texts, np.zeros(0), none, none, tuple(classes), 0, (), None, notes)
