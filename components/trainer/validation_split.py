"""Validation splits of the train split: a rolling origin for time-ordered rows, else a hold-out or k folds.

Rolling origin (L. Tashman: Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16, 2000):
each fold trains on the rows before an origin and validates on the block after it, as in production. Rows without an
order arrive shuffled, so that consecutive blocks of them are random folds.
"""

import itertools
from dataclasses import dataclass

ORIGINS = 3
"""Folds of a rolling origin; a single fold would depend on the peculiarities of its own days."""
FOLDS = 5
HOLD_OUT_ROWS = 50_000
"""Number of rows from which a single hold-out is precise enough; k folds would only take k times as long."""
MIN_TRAINING = 0.3
"""Minimum share of the rows before the first origin."""


@dataclass(frozen=True)
class Fold:
    """Row ranges (begin, end) of a fold: train on those of `training`, validate on `validation`."""

    training: tuple[tuple[int, int], ...]
    validation: tuple[int, int]


def hold_out(rows: int, share: float) -> list[Fold]:
    """Returns one fold that validates on the last `share` of the rows, at least one row."""
    begin = rows - min(max(round(rows * share), 1), rows - 1)
    return [Fold(((0, begin),), (begin, rows))]


def rolling_origin(rows: int, share: float, origins: int = ORIGINS) -> list[Fold]:
    """Returns folds that validate on the last `origins` blocks of `share` of the rows each.

    There are fewer folds where less than MIN_TRAINING of the rows would precede the first origin.

    Args:
      rows: Number of rows.
      share: Share of the rows in each validation block, in (0, 1).
      origins: Maximum number of folds.
    """
    length = max(round(rows * share), 1)
    begins = [rows - number * length for number in range(1, origins + 1)]
    folds = [Fold(((0, begin),), (begin, begin + length)) for begin in reversed(begins) if begin >= MIN_TRAINING * rows]
    return folds or hold_out(rows, share)


def k_fold(rows: int, folds: int = FOLDS) -> list[Fold]:
    """Returns `folds` folds; every row is validated on once."""
    edges = [rows * number // folds for number in range(folds + 1)]
    return [
        Fold(tuple(part for part in ((0, begin), (end, rows)) if part[0] < part[1]), (begin, end))
        for begin, end in itertools.pairwise(edges)
        if begin < end
    ]


def folds_of(rows: int, share: float, ordered: bool, cheap: bool = False) -> list[Fold]:
    """Chooses the validation folds of a train split.

    Args:
      rows: Number of rows, at least two.
      share: Share of the rows in each validation block, in (0, 1); not used by k folds.
      ordered: Whether the rows are ordered in time.
      cheap: Whether to use a single fold, for a small time budget.
    """
    if cheap:
        return hold_out(rows, share)
    if ordered:
        return rolling_origin(rows, share)
    return hold_out(rows, share) if rows >= HOLD_OUT_ROWS else k_fold(rows, min(FOLDS, rows))
