"""What a label column asks for: the task, and of two values the one that counts as 1. Pure."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from components.shared.errors import InputError
from pipeline.onboarding.initialise.column_values import ENOUGH_ROWS, NEAR_UNIQUE, Values, short
from pipeline.settings.sections.section import Task

MANY_CLASSES = 20
"""A label of more different integers is a number."""
POSITIVE_WORDS = (
    frozenset({"true", "yes", "positive", "pos", "late", "churn", "churned", "default", "fraud", "spam", "malignant"})
    | {"sick", "ill", "disease", "dead", "died", "deceased", "bad", "fail", "failed", "failure", "anomaly", "abnormal"}
    | {"attack", "won", "win", "success", "survived", "canceled", "cancelled", "delayed", "clicked", "bought", "high"}
)
NEGATIVE_WORDS = frozenset(
    {"0", "false", "no", "none", "negative", "neg", "normal", "benign", "ham", "healthy", "good", "ok", "lost"}
) | {"alive", "ontime", "on time", "on_time", "legit", "pass", "passed", "loss", "low"}
POSITIVE_OF = {frozenset(pair): pair[0] for pair in (("1", "-1"), ("1", "0"), ("y", "n"), ("t", "f"), ("m", "b"))}
"""Of two letters or digits, the positive one; on its own "m" says nothing."""


def read_label(label: Values) -> tuple[Task, str | int | None, str]:
    """Task, positive value and the reason for both."""
    place = f"label column '{label.name}'"
    distinct = label.distinct
    if label.known == 0:
        raise InputError(f"{place}: has no value in any row")
    if len(distinct) == 1:
        raise InputError(
            f"{place}: is {short(distinct[0])} in every row; a model needs at least two values to learn from"
        )
    if label.type in ("date", "timestamp") or label.type.startswith("list:"):
        raise InputError(f"{place}: is a {label.type}, which is nothing to predict; name another column")
    if len(distinct) == 2:
        positive, why = _positive(label)
        return "binary", positive, why
    if label.type == "string":
        if len(distinct) > NEAR_UNIQUE * label.known and label.known >= ENOUGH_ROWS:
            raise InputError(
                f"{place}: holds {len(distinct):,} different texts in {label.known:,} rows; that is a name, not a class"
            )
        return "multiclass", None, f"{len(distinct)} classes"
    whole = bool(np.all(distinct == np.floor(distinct.astype(float))))
    if whole and len(distinct) <= MANY_CLASSES and label.known >= 5 * len(distinct):
        why = f'{len(distinct)} integers, taken for classes; if they are amounts: task = "regression"'
        return "multiclass", None, why
    return "regression", None, "many integers" if whole else "numbers with fractions"


def _positive(label: Values) -> tuple[str | int | None, str]:
    """Of two values the one that counts as 1: the one whose word says so (`yes_of`), else the rarer.

    Words before counts, since "yes" is what is asked for even where most say yes.
    """
    values: list[Any] = [value.item() if hasattr(value, "item") else value for value in label.distinct]
    if label.type != "string":
        if any(not float(value).is_integer() for value in values):
            raise InputError(f"label column '{label.name}': has two values, {values[0]} and {values[1]}; use integers")
        values = [int(value) for value in values]
    counts = np.bincount(label.codes[label.codes >= 0])
    shares = counts / counts.sum()
    index = yes_of([str(value).strip().lower().rstrip(".") for value in values])
    why = "is the yes by its word"
    if set(values) == {0, 1}:
        return 1, f"0 and 1 ({shares[values.index(1)]:.1%} are 1)"
    if index is None:
        index = 0 if (shares[0], str(values[1])) < (shares[1], str(values[0])) else 1
        why = "is the rarer"
    return values[index], f"of '{values[0]}' and '{values[1]}', '{values[index]}' {why} ({shares[index]:.1%})"


def yes_of(words: Sequence[str]) -> int | None:
    """Which of two words, in lower case, says yes: 0 or 1; None if neither tells."""
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
