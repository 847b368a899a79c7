"""Detects columns that leak the label, identify the span, or copy another column. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from pipeline.onboarding.initialise.column_types import DraftColumn
from pipeline.onboarding.initialise.column_values import ENOUGH_ROWS, Values
from pipeline.settings.sections.section import Task

Tells = Literal["", "label", "strong", "missing", "order"]

LEAK_SCORE = 0.99
LEAK_CORRELATION = 0.995
STRONG_SCORE = 0.95
STRONG_CORRELATION = 0.98
"""Scores of a strong single predictor, which may have been recorded after the label was known."""

LEAKS = "leaks the label"
"""Reason of an excluded column that predicts the label almost perfectly."""


def leave_out(
    columns: dict[str, DraftColumn], values: Mapping[str, Values], label: Values, task: Task, spans: np.ndarray | None
) -> None:
    """Marks features that leak the label, identify the span, or copy another column.

    Args:
      columns: Name -> proposed column; modified in place.
      values: Name -> values.
      label: Values of the label.
      task: The task.
      spans: Span number of each row, or None.
    """
    seen: dict[bytes, str] = {}
    for name, column in columns.items():
        if column.kind == "id":
            columns[name] = _ordered_by(column, values[name], label, task)
        if not column.is_feature or column.kind == "image" or column.type.startswith("list:"):
            continue
        # Recoded categories are the same categories; numbers in the same order are not the same numbers, and texts that
        # never repeat have the same codes in every column, so their values are compared.
        content = hashlib.sha256(values[name].codes.tobytes())
        if column.kind == "text":
            content.update("\0".join(map(str, values[name].distinct)).encode())
        elif column.kind != "categorical":
            content.update(values[name].distinct.astype(float).tobytes())
        twin = seen.setdefault(content.digest(), name)
        figure, leaks, strong, score = one_column_score(values[name], label, task)
        reason = f"{LEAKS}: {figure} as the only feature" if leaks else ""
        if not reason and column.kind != "date":  # the timestamp itself is not a feature
            reason = _tells_spans(values[name], spans)
        if not reason and twin != name:
            same = np.array_equal(values[twin].distinct, values[name].distinct)
            reason = f"a copy of {twin}" + ("" if same else " with other names")
        question = f"{figure} as the only feature; is it known at prediction time?"
        note = question if strong and not reason else column.note
        tells: Tells = "label" if leaks else "strong" if strong else ""
        if tells and column.missing and one_column_score(_presence(values[name]), label, task).strong:
            tells = "missing"
        columns[name] = replace(column, suspicious=reason, note=note, alone=figure, score=score, tells=tells)


def _presence(values: Values) -> Values:
    """The presence of a value as a Boolean column."""
    return Values(values.name, "bool", np.where(values.codes < 0, 0, 1), np.array([False, True]))


def _ordered_by(column: DraftColumn, values: Values, label: Values, task: Task) -> DraftColumn:
    """Marks an id that predicts the label because the rows are sorted by the label."""
    ranks = np.empty(len(values.distinct))
    ranks[np.argsort(values.distinct, kind="stable")] = np.arange(len(ranks))
    found = one_column_score(Values(values.name, "float64", values.codes, ranks), label, task)
    return replace(column, alone=found.figure, score=found.score, tells="order" if found.strong else "")


def _tells_spans(values: Values, spans: np.ndarray | None) -> str:
    if spans is None or len(np.unique(spans)) < 3:
        return ""
    groups = pd.Series(values.codes).groupby(spans)
    if (groups.nunique() == 1).all() and groups.first().nunique() > 1:
        return "has one value per span, so the next span has an unseen value"
    return ""


class SingleColumnScore(NamedTuple):
    """Score of a column as the only feature: text, whether it leaks, whether it is at least strong, number."""

    figure: str
    leaks: bool
    strong: bool
    score: float


def one_column_score(values: Values, label: Values, task: Task) -> SingleColumnScore:
    """Scores a column as the only predictor of the label.

    Group means of the label on one half of the rows, by value or by up to 100 quantiles, predict the other half.

    Args:
      values: The column.
      label: The label.
      task: The task; the score is AUC (binary), accuracy (multiclass) or correlation (regression).
    """
    known = np.flatnonzero(label.codes >= 0)
    if len(known) < 2 * ENOUGH_ROWS:
        return SingleColumnScore("", False, False, 0.0)
    known = np.random.default_rng(13).permutation(known)
    train, held = known[: len(known) // 2], known[len(known) // 2 :]
    groups = _groups(values, train)
    if task == "regression":
        target = label.numbers
        sums, counts = _sums(groups, train, target)
        with np.errstate(invalid="ignore"):
            guessed = np.where(counts > 0, sums / counts, target[train].mean())[groups[held] + 1]
        figure = max(_correlation(guessed, target[held]), 0.0)
        if values.type in ("int64", "float64"):
            figure = max(figure, abs(_correlation(values.numbers[held], target[held])))
        return SingleColumnScore(
            f"correlation {figure:.4f}", figure >= LEAK_CORRELATION, figure >= STRONG_CORRELATION, figure
        )
    if task == "binary":
        target = (label.codes == 1).astype(float)
        prior = target[train].mean()
        sums, counts = _sums(groups, train, target)
        figure = auc(((sums + prior) / (counts + 1))[groups[held] + 1], target[held])
        return SingleColumnScore(f"AUC {figure:.3f}", figure >= LEAK_SCORE, figure >= STRONG_SCORE, figure)
    classes = int(label.codes.max()) + 1
    common = int(np.bincount(label.codes[train]).argmax())
    pairs = (groups[train] + 1) * classes + label.codes[train]
    table = np.bincount(pairs, minlength=(int(groups.max()) + 2) * classes).reshape(-1, classes)
    likeliest = np.where(table.any(axis=1), table.argmax(axis=1), common)[groups[held] + 1]
    figure = float((likeliest == label.codes[held]).mean())
    chance = float((label.codes[held] == common).mean())
    tells = 1 - figure <= (1 - chance) / 10  # relative to the accuracy of the majority class
    leaks, strong = tells and figure >= LEAK_SCORE, tells and figure >= STRONG_SCORE
    return SingleColumnScore(f"accuracy {figure:.3f}", leaks, strong, figure)


def _sums(groups: np.ndarray, train: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the target and number of training rows of each group; the first group has no value."""
    size = int(groups.max()) + 2
    at = groups[train] + 1
    return np.bincount(at, target[train], minlength=size), np.bincount(at, minlength=size)


def _groups(values: Values, train: np.ndarray) -> np.ndarray:
    """Group of each row: its value, or its quantile if a numeric column has many values. -1 is missing."""
    if values.type in ("string", "bool") or len(values.distinct) <= 100:
        return values.codes
    numbers = values.numbers
    bins = int(np.clip(len(train) // 10, 2, 100))
    edges = np.unique(np.nanquantile(numbers[train], np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve, with ties counted half; 0.5 for fewer than five rows of a class."""
    ones = int(positive.sum())
    zeros = len(positive) - ones
    if min(ones, zeros) < 5:
        return 0.5
    _, at, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[at]
    return float((ranks[positive == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    both = np.isfinite(left) & np.isfinite(right)
    left, right = left[both], right[both]
    if len(left) < ENOUGH_ROWS or left.std() == 0 or right.std() == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])
