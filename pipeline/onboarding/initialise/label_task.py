"""Infers the task and the positive class from a label column. Pure."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from components.shared.errors import InputError
from pipeline.onboarding.initialise.column_values import ENOUGH_ROWS, NEAR_UNIQUE, Values, short
from pipeline.settings.sections.section import Task

MANY_CLASSES = 20
"""A label with more distinct integers is a regression label."""
POSITIVE_WORDS = (
    frozenset({"true", "yes", "positive", "pos", "late", "churn", "churned", "default", "fraud", "spam", "malignant"})
    | {"sick", "ill", "disease", "dead", "died", "deceased", "bad", "fail", "failed", "failure", "anomaly", "abnormal"}
    | {"attack", "won", "win", "success", "survived", "canceled", "cancelled", "delayed", "clicked", "bought", "high"}
)
NEGATIVE_WORDS = frozenset(
    {"0", "false", "no", "none", "negative", "neg", "normal", "benign", "ham", "healthy", "good", "ok", "lost"}
) | {"alive", "ontime", "on time", "on_time", "legit", "pass", "passed", "loss", "low"}
POSITIVE_OF = {frozenset(pair): pair[0] for pair in (("1", "-1"), ("1", "0"), ("y", "n"), ("t", "f"), ("m", "b"))}
"""The positive one of a pair of letters or digits; a single letter such as "m" is ambiguous."""


def read_label(label: Values) -> tuple[Task, str | int | None, str]:
    """Infers the task of a label column.

    Returns:
      Task, positive class (None for other tasks than binary) and the reason for both.

    Raises:
      InputError: The label is constant, missing everywhere, or of a type that cannot be predicted.
    """
    place = f"label column '{label.name}'"
    distinct = label.distinct
    if label.known == 0:
        raise InputError(f"{place}: has no value in any row")
    if len(distinct) == 1:
        raise InputError(f"{place}: is {short(distinct[0])} in every row; a label needs at least two values")
    if label.type in ("date", "timestamp") or label.type.startswith("list:"):
        raise InputError(f"{place}: is a {label.type}, which cannot be predicted; choose another column")
    if len(distinct) == 2:
        positive, why = _positive(label)
        return "binary", positive, why
    if label.type == "string":
        if len(distinct) > NEAR_UNIQUE * label.known and label.known >= ENOUGH_ROWS:
            counts = f"{len(distinct):,} distinct texts in {label.known:,} rows"
            raise InputError(f"{place}: has {counts}; these are identifiers, not classes")
        return "multiclass", None, f"{len(distinct)} classes"
    whole = bool(np.all(distinct == np.floor(distinct.astype(float))))
    if whole and len(distinct) <= MANY_CLASSES and label.known >= 5 * len(distinct):
        why = f'{len(distinct)} integers, interpreted as classes; if they are quantities, set task = "regression"'
        return "multiclass", None, why
    return "regression", None, "many distinct integers" if whole else "fractional numbers"


def _positive(label: Values) -> tuple[str | int | None, str]:
    """The positive class: by name (`yes_of`), else the rarer value.

    The name has precedence, since "yes" is the positive class even if it is the majority.
    """
    values: list[Any] = [value.item() if hasattr(value, "item") else value for value in label.distinct]
    if label.type != "string":
        if any(not float(value).is_integer() for value in values):
            raise InputError(f"label column '{label.name}': has two values, {values[0]} and {values[1]}; use integers")
        values = [int(value) for value in values]
    counts = np.bincount(label.codes[label.codes >= 0])
    shares = counts / counts.sum()
    index = yes_of([str(value).strip().lower().rstrip(".") for value in values])
    why = "by name"
    if set(values) == {0, 1}:
        return 1, f"0 and 1 ({shares[values.index(1)]:.1%} are 1)"
    if index is None:
        index = 0 if (shares[0], str(values[1])) < (shares[1], str(values[0])) else 1
        why = "the rarer class"
    text = f"'{values[0]}' and '{values[1]}'; positive class '{values[index]}' ({why}, {shares[index]:.1%})"
    return values[index], text


def yes_of(words: Sequence[str]) -> int | None:
    """Returns the index (0 or 1) of the affirmative one of two lower-case words; None if neither is."""
    if (letter := POSITIVE_OF.get(frozenset(words))) is not None:
        return words.index(letter)
    yes, no = [word in POSITIVE_WORDS for word in words], [word in NEGATIVE_WORDS for word in words]
    if sum(yes) == 1:
        return yes.index(True)
    if sum(no) == 1:
        return 1 - no.index(True)
    for index, (word, other) in enumerate((words, words[::-1])):
        denied = re.fullmatch(r"(not|no|non|un|in|never)[ _-]?" + re.escape(word), other)
        if denied or (word[:1] == ">" and other[:1] == "<"):
            return index
    return None
