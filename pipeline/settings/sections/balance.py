"""The tables [balance], [augmentation] and [[data.extra]]: what is done to the training rows, and to them alone.

They are steps of the data, as corrections are: a run's data fingerprint holds them, its code fingerprint does not.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Task

Value = str | int | float | bool


def _listed(value: Any) -> Any:
    """One value is a list of one."""
    return tuple(value) if isinstance(value, list) else value if isinstance(value, tuple) else (value,)


class ExtraSection(ConfigSection):
    """More rows of one weak slice, from spans older than the window."""

    where: Annotated[
        dict[str, Annotated[tuple[Value, ...], BeforeValidator(_listed), Field(min_length=1)]], Field(min_length=1)
    ]
    """Column -> the value that its rows have, or several of which they have one; of several columns, all hold."""
    spans: Annotated[int, Field(ge=1)] = 1
    """From how many spans before the window."""


class BalanceSection(ConfigSection):
    """How classes are made to count alike; "none" leaves them as frequent as they are."""

    method: Literal["none", "weights", "over", "under", "smote"] = "none"
    """`weights`: rows of rare classes count for more. `over`: they are repeated. `under`: rows of frequent ones are
    left out. `smote`: rare ones get synthetic rows (SMOTE-NC; needs imbalanced-learn)."""
    ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What the rarest class counts for afterwards, at least, as a share of the most frequent; 1 is balanced."""
    weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Class -> what its rows count for, instead of what `ratio` makes of it; others count 1. A binary label's classes
    are "0" and "1", the positive one."""
    correct_prior: bool = True
    """Take predicted probabilities back to how frequent classes are in the training rows as they came."""
    neighbours: Annotated[int, Field(ge=1)] = 5
    """Among which `smote` chooses."""

    @model_validator(mode="after")
    def _weights_are_used(self) -> "BalanceSection":
        if self.weights and self.method != "weights":
            raise ValueError(f'weights: of no effect with method = "{self.method}"; set method to "weights"')
        return self


class AugmentationSection(ConfigSection):
    """How rows are varied while the model learns from them."""

    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Numeric values move by up to this share of their column's resolution: half the distance to its nearest other
    value; 0 is not at all."""


def check_steps(
    balance: BalanceSection,
    augmentation: AugmentationSection,
    extra: tuple[ExtraSection, ...],
    task: Task,
    numeric: int,
    cyclical: int,
    has_spans: bool,
) -> None:
    """ValueError for what the task or the data have no use for.

    Args:
      balance: Settings.
      augmentation: Settings.
      extra: Settings.
      task: Of the dataset.
      numeric: How many numeric features there are.
      cyclical: How many cyclical ones.
      has_spans: Whether the data come in spans.
    """
    if balance.method != "none" and task == "regression":
        raise ValueError("[balance] method: a regression has no classes to balance; take it out")
    if task == "binary" and (unknown := sorted(balance.weights.keys() - {"0", "1"})):
        raise ValueError(
            f'[balance] weights: {unknown[0]} is no class of a binary label; legal: "0", "1" (the positive)'
        )
    if balance.method == "smote" and not numeric + cyclical:
        raise ValueError('[balance] method: "smote" needs a numeric or cyclical feature to lie between; take "over"')
    if augmentation.jitter and not numeric:
        raise ValueError("[augmentation] jitter: there is no numeric feature; take it out")
    if extra and not has_spans:
        raise ValueError("[[data.extra]]: one file has no older spans to take rows from; give [data] pattern a {span}")


def steps_json(balance: BalanceSection, augmentation: AugmentationSection) -> str:
    """What is done to the training rows, as one line for fingerprint and lineage; "" if nothing."""
    done: dict[str, Any] = {}
    if balance.method != "none":
        unused = set() if balance.method == "smote" else {"neighbours"}
        done["balance"] = balance.model_dump(mode="json", exclude=unused | ({"ratio"} if balance.weights else set()))
    if augmentation.jitter:
        done["augmentation"] = augmentation.model_dump(mode="json")
    return json.dumps(done, sort_keys=True) if done else ""
