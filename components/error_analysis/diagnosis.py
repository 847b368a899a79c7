"""Why a slice is weak, as far as the training rows and the audit of their labels tell, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.error_analysis.binning import Column, Cut
from components.error_analysis.slice_search import WeakSlice, members

MOVED = 0.1
"""Chebyshev distance by which a feature must have moved more within the slice than elsewhere."""
DOUBTED = 1.5
"""How many times as often labels must be doubtful within the slice as elsewhere."""
SURE = 3.0
"""Standard errors that a difference of shares must exceed."""
RARE = 0.5
"""Share of a slice in the training rows, as a part of its share in eval, below which it lacks rows."""


@dataclass(frozen=True)
class Training:
    """The rows that the model learned from.

    Attributes:
      columns: Feature -> its column [M].
      doubtful: Which rows' labels the audit lists as doubtful, bool [M]; None where there is no audit.
      listed: Share of all doubtful labels that are listed, in (0, 1].
    """

    columns: Mapping[str, Column]
    doubtful: np.ndarray | None
    listed: float = 1.0


@dataclass(frozen=True)
class Cause:
    """What is known of a weak slice.

    Attributes:
      train_rows: How many training rows lie in it.
      train_share: Their share, in [0, 1].
      doubtful: Share of them whose label is doubtful, in [0, 1], estimated where the audit lists only the worst; None
        if unknown.
      doubtful_elsewhere: The same of the other training rows.
      moved: Features whose values in the slice differ from training more than elsewhere, the most so first.
      cause: `inputs`, `labels`, `rows`, or `hard` where nothing else is seen.
      next: What to do, in words.
    """

    train_rows: int
    train_share: float
    doubtful: float | None
    doubtful_elsewhere: float | None
    moved: tuple[str, ...]
    cause: str
    next: str


def causes(
    slices: Sequence[WeakSlice], cuts: Sequence[Cut], columns: Mapping[str, Column], training: Training
) -> list[Cause]:
    """The cause of each slice.

    Args:
      slices: Weak slices.
      cuts: How features are cut, as their parts count.
      columns: Feature -> its column [N] in eval.
      training: What the model learned from.
    """
    if not slices:
        return []
    now = _Codes([one.codes_of(columns[one.feature])[0] for one in cuts], cuts)
    then = _Codes([one.codes_of(training.columns[one.feature])[0] for one in cuts], cuts)
    return [_cause(one, cuts, now, then, training) for one in slices]


class _Codes:
    """Which slice of each cut each row lies in; no two cuts share a code."""

    def __init__(self, codes: Sequence[np.ndarray], cuts: Sequence[Cut]) -> None:
        sizes = [len(one.slices) for one in cuts]
        self.first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self.codes = codes
        self._all = np.stack([each + first for each, first in zip(codes, self.first, strict=True)]).astype(np.int32)
        self._size = sum(sizes)
        self._total = self.count(np.arange(len(codes[0])))

    def count(self, rows: np.ndarray) -> np.ndarray:
        """Rows by slice, of all cuts one after the other."""
        return np.bincount(self._all[:, rows].ravel(), minlength=self._size)

    def shares(self, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the slices of every cut within some rows, a mask, and among all others."""
        within = self.count(np.flatnonzero(inside))
        rows = int(inside.sum())
        return within / rows, (self._total - within) / (len(inside) - rows)


def _cause(weak: WeakSlice, cuts: Sequence[Cut], now: _Codes, then: _Codes, training: Training) -> Cause:
    inside, before = members(weak.parts, now.codes), members(weak.parts, then.codes)
    rows, share = int(before.sum()), float(before.mean()) if len(before) else 0.0
    moved = _moved(weak, cuts, now, then, inside, before)
    doubted = _doubtful(before, training)
    here, elsewhere, many = doubted if doubted else (None, None, False)
    if moved:
        cause = "inputs"
        said = f"check how {' and '.join(moved[:2])} got into these rows: unlike training, as nowhere else"
    elif many:
        cause, said = (
            "labels",
            f"check its labels: {here:.1%} of them are doubtful in training, {elsewhere:.1%} elsewhere",
        )
    elif share < RARE * weak.share:
        cause, said = "rows", f"collect more rows of {weak.slice}: {rows:,} to learn from, {share:.1%} of training"
    else:
        audit = "labels no more doubtful than elsewhere, " if doubted else ""
        cause = "hard"
        said = f"{audit}{rows:,} rows to learn from: look for what tells these rows apart, a feature or clearer labels"
    return Cause(rows, share, here, elsewhere, moved, cause, said)


def _moved(
    weak: WeakSlice, cuts: Sequence[Cut], now: _Codes, then: _Codes, inside: np.ndarray, before: np.ndarray
) -> tuple[str, ...]:
    """Features that moved within the slice and not as much outside; by their Chebyshev distance over slices' codes."""
    if not before.any() or before.all():
        return ()
    noise = SURE * (0.25 / inside.sum() + 0.25 / before.sum()) ** 0.5
    own = {cuts[place].feature for place, _ in weak.parts}
    within, beyond = (
        np.maximum.reduceat(np.abs(one - other), now.first)
        for one, other in zip(now.shares(inside), then.shares(before), strict=True)
    )
    found = [
        (-float(apart), one.feature)
        for one, apart in zip(cuts, within - beyond, strict=True)
        if apart > max(MOVED, noise) and one.feature not in own and one.unlooked is not None
    ]
    return tuple(name for _, name in sorted(found))


def _doubtful(before: np.ndarray, training: Training) -> tuple[float, float, bool] | None:
    """Share of doubtful labels in the slice, elsewhere, and whether the one is beyond chance much the larger."""
    if training.doubtful is None or not before.any() or before.all():
        return None
    counts = [int(before.sum()), int((~before).sum())]
    shares = [float(training.doubtful[side].mean()) for side in (before, ~before)]
    whole = float(training.doubtful.mean())
    error = (whole * (1 - whole) * (1 / counts[0] + 1 / counts[1])) ** 0.5
    many = shares[0] > DOUBTED * shares[1] and shares[0] - shares[1] > SURE * error
    here, elsewhere = (min(1.0, share / training.listed) for share in shares)
    return here, elsewhere, many
