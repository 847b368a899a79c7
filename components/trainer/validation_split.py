"""Which rows of the train split validate: a rolling origin where they are ordered in time, else a hold-out or k folds.

Rolling origin (L. Tashman: Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16, 2000):
each fold trains on the rows before an origin and validates on the stretch after it, as production will. Rows without
an order come shuffled, so that consecutive stretches of them are random folds. Pure.
"""

import itertools
from dataclasses import dataclass

ORIGINS = 3
"""Folds of a rolling origin: one stretch says only what its own days say."""
FOLDS = 5
HOLD_OUT_ROWS = 50_000
"""From so many rows on a single hold-out tells candidates apart, and k fits would only take k times as long."""
LEAST_TRAINING = 0.3
"""Share of the rows before the first origin, at least."""


@dataclass(frozen=True)
class Fold:
    """Train on the stretches `training`, validate on `validation`; each is (begin, end)."""

    training: tuple[tuple[int, int], ...]
    validation: tuple[int, int]


def hold_out(rows: int, share: float) -> list[Fold]:
    """One fold whose validation rows are the last `share`, at least one."""
    begin = rows - min(max(round(rows * share), 1), rows - 1)
    return [Fold(((0, begin),), (begin, rows))]


def rolling_origin(rows: int, share: float, origins: int = ORIGINS) -> list[Fold]:
    """The last `origins` stretches of `share` of the rows each; fewer where too little would be left to train on."""
    length = max(round(rows * share), 1)
    begins = [rows - number * length for number in range(1, origins + 1)]
    folds = [
        Fold(((0, begin),), (begin, begin + length)) for begin in reversed(begins) if begin >= LEAST_TRAINING * rows
    ]
    return folds or hold_out(rows, share)


def k_fold(rows: int, folds: int = FOLDS) -> list[Fold]:
    """Every row validates once."""
    edges = [rows * number // folds for number in range(folds + 1)]
    return [
        Fold(tuple(part for part in ((0, begin), (end, rows)) if part[0] < part[1]), (begin, end))
        for begin, end in itertools.pairwise(edges)
        if begin < end
    ]


def folds_of(rows: int, share: float, ordered: bool, cheap: bool = False) -> list[Fold]:
    """The validation of so many rows, at least two.

    Args:
      rows: N.
      share: Of the rows in each stretch; not used by k folds.
      ordered: Whether the rows have an order in time.
      cheap: A single fold, because the time budget has no room for more.
    """
    if cheap:
        return hold_out(rows, share)
    if ordered:
        return rolling_origin(rows, share)
    return hold_out(rows, share) if rows >= HOLD_OUT_ROWS else k_fold(rows, min(FOLDS, rows))
