"""Search for weak slices among the slices of all features and of pairs of features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.error_analysis.binning import Column, FeatureBins, crossed, cuts_of, pairs_of
from components.error_analysis.excess_loss import ExcessLoss
from components.error_analysis.row_losses import LOSS, RowLosses, task_metrics
from components.error_analysis.settings import ErrorAnalysisSettings
from components.error_analysis.significance import Moments, fdr_by, group_moments, moments_of, welch

LARGEST = 0.5
"""Maximum share of the rows in a slice; a slice of more than half of the rows is no exception."""
MAX_CANDIDATES = 300
"""Maximum number of significant slices that are checked for overlap, those with the largest t."""
PAIR_CELLS = 200_000_000
"""Maximum of pairs x rows x classes, to which the cost of the search of pairs is proportional."""
KEPT_VALUES = 1 << 25
"""Maximum number of excess losses (float32) that are cached in memory: 128 MB."""

Part = tuple[int, int]
"""(index of a partition, code of a slice in it)."""


@dataclass(frozen=True)
class WeakSlice:
    """A slice whose excess loss is significantly larger than that of the other rows, by more than the margin.

    Attributes:
      slice: Name such as "carrier=UA" or "carrier=UA, temp < 32".
      parts: The slice of one feature, or the slices of two features whose intersection it is.
      rows: Number of rows.
      share: Share of all rows, in (0, 0.5].
      metric: Name of the loss: log_loss in nats, or squared_error in the label's unit squared.
      value: Mean loss in the slice.
      rest: Mean loss of the other rows.
      gap: Mean excess loss in the slice minus that of the other rows, see excess_loss.py. The mean loss of the slice
        would fall by so much if the model were as good there as elsewhere.
      weight: gap x share. The overall mean loss would fall by so much.
      p: One-sided p-value of the gap against the margin, adjusted for all tested slices.
      figures: Metric -> value in the slice; None where a metric is not defined.
      elsewhere: Metric -> value in the other rows.
    """

    slice: str
    parts: tuple[Part, ...]
    rows: int
    share: float
    metric: str
    value: float
    rest: float
    gap: float
    weight: float
    p: float
    figures: Mapping[str, float | None]
    elsewhere: Mapping[str, float | None]


@dataclass(frozen=True)
class SliceSearchResult:
    """Result of the search.

    Attributes:
      cuts: Partitions of the features.
      slices: Weak slices, largest weight first.
      looked: Number of tested slices.
      least: Minimum number of rows of a slice.
      rows: Number of rows.
      effect: Minimum gap, relative to the overall mean loss.
    """

    cuts: tuple[FeatureBins, ...]
    slices: tuple[WeakSlice, ...]
    looked: int
    least: int
    rows: int
    effect: float

    def says(self) -> str:
        """Describes the result in a sentence."""
        if not self.rows:
            return "No error analysis: the split eval has no labelled row of a known class."
        if not self.looked:
            return f"Too few rows to compare slices: none has between {self.least:,} rows and half of {self.rows:,}."
        if not self.slices:
            return (
                f"No weak slice among {self.looked:,} tested: no gap is significantly above {self.effect:.0%} of the "
                "mean loss."
            )
        count = len(self.slices)
        return (
            f"{count} weak slice{'s' * (count > 1)} among {self.looked:,} tested; {self.slices[0].slice} adds most to "
            "the loss."
        )


@dataclass(frozen=True)
class _Candidate:
    parts: tuple[Part, ...]
    t: float
    p: float


def weak_slices(found: RowLosses, columns: Mapping[str, Column], settings: ErrorAnalysisSettings) -> SliceSearchResult:
    """Searches the slices of single features and of pairs of features.

    A slice is weak if its gap is significantly larger than the margin, `effect` x the overall mean loss. The test is
    Welch's t-test of gap <= margin on the excess losses, adjusted for all tested slices.

    Slices overlap, so they are selected in the order of t, and each must still be significant without the rows of the
    slices selected before. This drops a slice of one feature that is weak because of a selected pair within it. A pair
    must also be worse than the rest of each of its two single slices: its gap must be at least twice the gap of that
    rest, exceed it by the margin, and be significant. Otherwise the single slice explains it.

    Args:
      found: Outcomes of N rows.
      columns: Feature -> column, [N].
      settings: Error-analysis settings.
    """
    rows, least = len(found.loss), settings.least(len(found.loss))
    cuts = tuple(
        made
        for name, column in columns.items()
        for made in cuts_of(name, column, settings.bins, settings.max_categories, least)
    )
    none = SliceSearchResult(cuts, (), 0, least, rows, settings.effect_size)
    if not rows or not cuts:
        return none
    coded = [each.codes_of(columns[each.feature]) for each in cuts]
    searcher = _Searcher(found, cuts, coded, settings)
    tested = searcher.candidates()
    if not tested:
        return none
    p = fdr_by(np.array([candidate.p for candidate in tested]))
    significant = sorted(np.flatnonzero(p <= settings.alpha), key=lambda at: (-tested[at].t, tested[at].parts))
    # The largest unadjusted p-value that is significant after adjustment is the level of all follow-up tests.
    level = max((tested[at].p for at in significant), default=0.0)
    selected = searcher.distinct([tested[at] for at in significant[:MAX_CANDIDATES]], level)
    of = {candidate.parts: float(value) for candidate, value in zip(tested, p, strict=True)}
    slices = sorted(
        (searcher.described(parts, of[parts]) for parts in selected), key=lambda one: (-one.weight, one.slice)
    )
    return SliceSearchResult(cuts, tuple(slices[: settings.max_slices]), len(tested), least, rows, settings.effect_size)


class _Searcher:
    def __init__(
        self,
        found: RowLosses,
        cuts: Sequence[FeatureBins],
        coded: Sequence[tuple[np.ndarray, np.ndarray]],
        settings: ErrorAnalysisSettings,
    ) -> None:
        self._found, self._cuts, self._coded, self._settings = found, cuts, coded, settings
        self._rows = len(found.loss)
        self._excess = ExcessLoss(found, settings.seed)
        self._margin = settings.effect_size * self._excess.overall
        self._kept: dict[tuple[int, ...], np.ndarray] = {}

    def candidates(self) -> list[_Candidate]:
        """Tests all slices of sufficient size, of single features and of pairs."""
        tested, weakest = [], []
        for place in range(len(self._cuts)):
            single = self._within((place,))
            tested += single
            weakest.append(max((candidate.t for candidate in single), default=-np.inf))
        # All pairs among as many partitions as affordable, those with the largest t first.
        pairs = min(self._settings.max_pairs, PAIR_CELLS // (self._rows * self._found.classes))
        fits = int((1 + (1 + 8 * pairs) ** 0.5) / 2)
        chosen = sorted(np.argsort(-np.array(weakest), kind="stable")[:fits])
        for one, other in pairs_of(len(chosen)):
            first, second = int(chosen[one]), int(chosen[other])
            if self._cuts[first].feature != self._cuts[second].feature:
                tested += self._within((first, second))
        return tested

    def _within(self, places: tuple[int, ...]) -> list[_Candidate]:
        coarse = self._codes(places, 0)
        groups = int(coarse.max()) + 1
        counts = np.bincount(coarse, minlength=groups)
        least = self._settings.least(self._rows)
        large = np.flatnonzero((counts >= least) & (counts <= LARGEST * self._rows))
        large = np.array([code for code in large if self._is_looked_at(self._parts(places, int(code)))], np.int64)
        if not len(large):
            return []
        excess = self._excess(coarse, self._codes(places, 1))
        each = group_moments(excess, coarse, groups)
        part = Moments(*(value[large] for value in each))
        rest = Moments(*(value.sum() - value[large] for value in each))
        _, t, p = welch(part, rest, self._margin)
        # Only slices that are significant before adjustment can be so after it; cache their excess losses.
        if (p <= self._settings.alpha).any() and len(self._kept) * self._rows < KEPT_VALUES:
            self._kept[places] = excess.astype(np.float32)
        return [
            _Candidate(self._parts(places, int(code)), float(one), float(other))
            for code, one, other in zip(large, t, p, strict=True)
        ]

    def _is_looked_at(self, parts: tuple[Part, ...]) -> bool:
        return all(self._cuts[place].unlooked != code for place, code in parts)

    def distinct(self, candidates: Sequence[_Candidate], level: float) -> list[tuple[Part, ...]]:
        """Selects slices that are still significant without the rows of those selected before."""
        selected: list[tuple[tuple[Part, ...], np.ndarray]] = []
        least = self._settings.least(self._rows)
        for candidate in candidates:
            if len(selected) == self._settings.max_slices:
                break
            inside, excess = self._members(candidate.parts), self._excess_of(candidate.parts)
            if len(candidate.parts) == 2 and not self._worse_than_both(candidate.parts, inside, excess, level):
                continue
            # Skip a pair's own single slices: they contain all of its rows and were compared above.
            free = np.ones(self._rows, bool)
            for parts, members in selected:
                if not set(parts) < set(candidate.parts):
                    free &= ~members
            if (inside & free).sum() < least:
                continue
            if not self._is_worse(excess, inside & free, ~inside & free, self._margin, level):
                continue
            selected.append((candidate.parts, inside))
        return [parts for parts, _ in selected]

    def _worse_than_both(self, parts: tuple[Part, ...], inside: np.ndarray, excess: np.ndarray, level: float) -> bool:
        for part in parts:
            single = self._members((part,))
            beside = single & ~inside
            if not beside.any():
                return False  # the pair is that slice
            already = float(excess[beside].mean() - excess[~single].mean())
            if not self._is_worse(excess, inside, beside, max(self._margin, already), level):
                return False
        return True

    @staticmethod
    def _is_worse(excess: np.ndarray, one: np.ndarray, other: np.ndarray, margin: float, level: float) -> bool:
        """Whether the first mean exceeds the second by more than the margin, significantly at this level."""
        _, t, p = welch(moments_of(excess[one]), moments_of(excess[other]), margin)
        return bool(t[0] > 0 and p[0] <= level)

    def described(self, parts: tuple[Part, ...], p: float) -> WeakSlice:
        """Computes all figures of a slice."""
        inside, excess = self._members(parts), self._excess_of(parts)
        rows = int(inside.sum())
        gap, share = float(excess[inside].mean() - excess[~inside].mean()), rows / self._rows
        return WeakSlice(
            slice=", ".join(self._cuts[place].slices[code] for place, code in parts),
            parts=parts,
            rows=rows,
            share=share,
            metric=LOSS[self._found.task],
            value=float(self._found.loss[inside].mean()),
            rest=float(self._found.loss[~inside].mean()),
            gap=gap,
            weight=gap * share,
            p=p,
            figures=task_metrics(self._found.take(inside)),
            elsewhere=task_metrics(self._found.take(~inside)),
        )

    def _codes(self, places: tuple[int, ...], level: int) -> np.ndarray:
        """Codes of slices (level 0) or of finer bins (level 1)."""
        codes = self._coded[places[0]][level]
        for place in places[1:]:
            second = self._coded[place][level]
            count = len(self._cuts[place].slices) if level == 0 else int(second.max()) + 1
            codes = crossed(codes, second, count)
        return codes

    def _parts(self, places: tuple[int, ...], code: int) -> tuple[Part, ...]:
        if len(places) == 1:
            return ((places[0], code),)
        first, second = divmod(code, len(self._cuts[places[1]].slices))
        return (places[0], first), (places[1], second)

    def _members(self, parts: tuple[Part, ...]) -> np.ndarray:
        return members(parts, [coarse for coarse, _ in self._coded])

    def _excess_of(self, parts: tuple[Part, ...]) -> np.ndarray:
        places = tuple(place for place, _ in parts)
        if places in self._kept:
            return self._kept[places].astype(np.float64)
        return self._excess(self._codes(places, 0), self._codes(places, 1))


def members(parts: Sequence[Part], codes: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the rows of a slice.

    Args:
      parts: Parts of the slice.
      codes: Codes of the slices of each partition, [N] each.

    Returns:
      True for rows in the slice, bool [N].
    """
    inside = np.ones(len(codes[0]), bool)
    for place, code in parts:
        inside &= codes[place] == code
    return inside
