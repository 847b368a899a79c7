"""Diagnosis of weak slices: a likely cause from the training rows and the label audit, and a next step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.error_analysis.binning import Column, FeatureBins
from components.error_analysis.slice_search import WeakSlice, members

MOVED = 0.1
"""Minimum difference between the Chebyshev distance of a feature within the slice and in the other rows."""
DOUBTED = 1.5
"""Minimum ratio between the share of label issues within the slice and in the other rows."""
SURE = 3.0
"""Minimum difference of shares, in standard errors."""
RARE = 0.5
"""Ratio of the slice's share in train to its share in eval below which rows are lacking."""


@dataclass(frozen=True)
class TrainingRows:
    """M training rows.

    Attributes:
      columns: Feature -> column, [M].
      doubtful: True for rows that the label audit lists as label issues, bool [M]; None without an audit.
      listed: Share of all label issues that the audit lists, in (0, 1].
      total: Number of all training rows, of which these M are a random sample; None if they are all.
    """

    columns: Mapping[str, Column]
    doubtful: np.ndarray | None
    listed: float = 1.0
    total: int | None = None


@dataclass(frozen=True)
class SliceDiagnosis:
    """Likely cause of a weak slice.

    Attributes:
      train_rows: Number of training rows in the slice; estimated if only a sample was read, see TrainingRows.total.
      train_share: Share of the training rows in the slice, in [0, 1].
      doubtful: Share of label issues among the training rows in the slice, in [0, 1]; extrapolated where the audit
        lists only some of the issues. None if unknown.
      doubtful_elsewhere: Share of label issues among the other training rows; None if unknown.
      moved: Features that drifted from train to eval within the slice more than in the other rows, largest first.
      cause: "inputs" (such drift), "labels" (label issues), "rows" (too few training rows), or "hard" (none of these).
      next: Recommended next step, as text.
    """

    train_rows: int
    train_share: float
    doubtful: float | None
    doubtful_elsewhere: float | None
    moved: tuple[str, ...]
    cause: str
    next: str


def diagnose_slices(
    slices: Sequence[WeakSlice], cuts: Sequence[FeatureBins], columns: Mapping[str, Column], training: TrainingRows
) -> list[SliceDiagnosis]:
    """Diagnoses weak slices.

    Args:
      slices: Weak slices.
      cuts: Partitions of the features; the parts of slices are indices into them.
      columns: Feature -> column in eval, [N].
      training: The training rows.

    Returns:
      One cause for each slice.
    """
    if not slices:
        return []
    now = _Codes([one.codes_of(columns[one.feature])[0] for one in cuts], cuts)
    then = _Codes([one.codes_of(training.columns[one.feature])[0] for one in cuts], cuts)
    return [_cause(one, cuts, now, then, training) for one in slices]


class _Codes:
    """Codes of the slices of all partitions, numbered consecutively across partitions."""

    def __init__(self, codes: Sequence[np.ndarray], cuts: Sequence[FeatureBins]) -> None:
        sizes = [len(one.slices) for one in cuts]
        self.first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self.codes = codes
        self._all = np.stack([each + first for each, first in zip(codes, self.first, strict=True)]).astype(np.int32)
        self._size = sum(sizes)
        self._total = self.count(np.arange(len(codes[0])))

    def count(self, rows: np.ndarray) -> np.ndarray:
        """Number of rows of each slice, for the slices of all partitions."""
        return np.bincount(self._all[:, rows].ravel(), minlength=self._size)

    def shares(self, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the slices of all partitions among the rows of a mask, and among the other rows."""
        within = self.count(np.flatnonzero(inside))
        rows = int(inside.sum())
        return within / rows, (self._total - within) / (len(inside) - rows)


def _cause(
    weak: WeakSlice, cuts: Sequence[FeatureBins], now: _Codes, then: _Codes, training: TrainingRows
) -> SliceDiagnosis:
    inside, before = members(weak.parts, now.codes), members(weak.parts, then.codes)
    share = float(before.mean()) if len(before) else 0.0
    rows = int(before.sum()) if training.total is None else round(share * training.total)
    about = "about " if rows != before.sum() else ""
    moved = _moved(weak, cuts, now, then, inside, before)
    issues = _doubtful(before, training)
    here, elsewhere, many = issues if issues else (None, None, False)
    if moved:
        cause = "inputs"
        step = (
            f"check the values of {' and '.join(moved[:2])} in these rows: they drifted from train in this slice only"
        )
    elif many:
        cause, step = (
            "labels",
            f"check its labels: {here:.1%} of them are suspected errors in train, {elsewhere:.1%} in the other rows",
        )
    elif share < RARE * weak.share:
        cause, step = "rows", f"collect more rows of {weak.slice}: train has {about}{rows:,} ({share:.1%})"
    else:
        audit = "no more suspected label errors than elsewhere, " if issues else ""
        cause = "hard"
        step = (
            f"{audit}{about}{rows:,} training rows: add a feature that separates these rows, or define the label more "
            "clearly"
        )
    return SliceDiagnosis(rows, share, here, elsewhere, moved, cause, step)


def _moved(
    weak: WeakSlice, cuts: Sequence[FeatureBins], now: _Codes, then: _Codes, inside: np.ndarray, before: np.ndarray
) -> tuple[str, ...]:
    """Features that drifted more within the slice than outside, by the Chebyshev distance between slice shares."""
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


def _doubtful(before: np.ndarray, training: TrainingRows) -> tuple[float, float, bool] | None:
    """Share of label issues in the slice and elsewhere, and whether the first is significantly and clearly larger."""
    if training.doubtful is None or not before.any() or before.all():
        return None
    counts = [int(before.sum()), int((~before).sum())]
    shares = [float(training.doubtful[side].mean()) for side in (before, ~before)]
    whole = float(training.doubtful.mean())
    error = (whole * (1 - whole) * (1 / counts[0] + 1 / counts[1])) ** 0.5
    many = shares[0] > DOUBTED * shares[1] and shares[0] - shares[1] > SURE * error
    here, elsewhere = (min(1.0, share / training.listed) for share in shares)
    return here, elsewhere, many
