"""The weakest slices, found among all values of features and all pairs of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.error_analysis.binning import Column, Cut, crossed, cuts_of, pairs_of
from components.error_analysis.excess_loss import Excess
from components.error_analysis.row_losses import LOSS, Outcomes, figures
from components.error_analysis.settings import Settings
from components.error_analysis.significance import Moments, corrected, moments, moments_of, welch

LARGEST = 0.5
"""Share of the rows that a slice has at most: of two halves the larger is the rule, not the exception."""
MOST_CANDIDATES = 300
"""Slices beyond chance that are told apart, those surest."""
PAIR_CELLS = 200_000_000
"""Pairs of features are so few that pairs x rows x classes stay below this, which is what their search costs."""
KEPT_VALUES = 1 << 25
"""Excess losses that are kept in memory for telling slices apart, float32: 128 MB."""

Part = tuple[int, int]
"""(place of a cut, code of a slice in it)."""


@dataclass(frozen=True)
class WeakSlice:
    """A slice on which the model does worse than on the rest, beyond chance and by more than the margin.

    Attributes:
      slice: "carrier=UA" or "carrier=UA, temp < 32".
      parts: What it is made of: one slice of a feature, or those of two.
      rows: How many it has.
      share: Of all rows, in (0, 0.5].
      metric: The loss: log_loss in nats, or squared_error in the label's unit squared.
      value: Mean loss of its rows.
      rest: Mean loss of the others.
      gap: Excess loss of its rows less that of the others, see gaps.py: how far its mean loss would fall if the model
        were as good there as elsewhere.
      weight: gap x share: how far the overall mean loss would fall.
      p: Chance of such a gap if the true one were the margin; one-sided, corrected for all slices looked at.
      figures: Metrics of its rows, None where one cannot be told.
      elsewhere: The same of the others.
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
class Search:
    """What was found: `slices`, the costliest first, of so many `looked` at with `least` rows or more."""

    cuts: tuple[Cut, ...]
    slices: tuple[WeakSlice, ...]
    looked: int
    least: int
    rows: int
    effect: float

    def says(self) -> str:
        """In a sentence."""
        if not self.rows:
            return "Nothing to analyse: the eval split has no row with a known label."
        if not self.looked:
            return f"Too few rows to tell slices apart: none has from {self.least:,} rows to half of {self.rows:,}."
        among = f"of {self.looked:,} slices looked at"
        if not self.slices:
            return f"No weak slice: none {among} loses {self.effect:.0%} more than the rest, beyond chance."
        count = len(self.slices)
        return f"{count} weak slice{'s' * (count > 1)} {among}; {self.slices[0].slice} costs most."


@dataclass(frozen=True)
class _Candidate:
    parts: tuple[Part, ...]
    t: float
    p: float


def weak_slices(found: Outcomes, columns: Mapping[str, Column], settings: Settings) -> Search:
    """Searches single features and pairs of them.

    A slice is weak if its gap exceeds the margin, `effect` x the overall mean loss, beyond chance: Welch's t-test of
    gap <= margin on the rows' excess, corrected for all slices looked at. Slices overlap, and so the surest is taken
    first, and each other one must still be weak without the rows of those taken. A pair must also have twice the gap
    of what either of its single slices has beside it, beyond chance and by no less than the margin; else the single
    slice says it all. A slice of one feature that only a pair in it makes weak is left out in the same way.

    Args:
      found: Outcomes of N rows.
      columns: Feature -> its column [N].
      settings: How.
    """
    rows, least = len(found.loss), settings.least(len(found.loss))
    cuts = tuple(
        made
        for name, column in columns.items()
        for made in cuts_of(name, column, settings.bins, settings.categories, least)
    )
    none = Search(cuts, (), 0, least, rows, settings.effect)
    if not rows or not cuts:
        return none
    coded = [each.codes_of(columns[each.feature]) for each in cuts]
    look = _Look(found, cuts, coded, settings)
    looked = look.everywhere()
    if not looked:
        return none
    p = corrected(np.array([candidate.p for candidate in looked]))
    beyond = sorted(np.flatnonzero(p <= settings.alpha), key=lambda at: (-looked[at].t, looked[at].parts))
    # The largest p that was still let pass: what a slice must reach again without the rows of others.
    bar = max((looked[at].p for at in beyond), default=0.0)
    taken = look.told_apart([looked[at] for at in beyond[:MOST_CANDIDATES]], bar)
    of = {candidate.parts: float(value) for candidate, value in zip(looked, p, strict=True)}
    slices = sorted((look.described(parts, of[parts]) for parts in taken), key=lambda one: (-one.weight, one.slice))
    return Search(cuts, tuple(slices[: settings.most]), len(looked), least, rows, settings.effect)


class _Look:
    def __init__(
        self, found: Outcomes, cuts: Sequence[Cut], coded: Sequence[tuple[np.ndarray, np.ndarray]], settings: Settings
    ) -> None:
        self._found, self._cuts, self._coded, self._settings = found, cuts, coded, settings
        self._rows = len(found.loss)
        self._excess = Excess(found, settings.seed)
        self._margin = settings.effect * self._excess.overall
        self._kept: dict[tuple[int, ...], np.ndarray] = {}

    def everywhere(self) -> list[_Candidate]:
        """All slices that are large enough, of single features and of pairs, with their tests."""
        looked, weakest = [], []
        for place in range(len(self._cuts)):
            single = self._within((place,))
            looked += single
            weakest.append(max((candidate.t for candidate in single), default=-np.inf))
        # All pairs of as many cuts as may be, those first that look weak by themselves.
        pairs = min(self._settings.most_pairs, PAIR_CELLS // (self._rows * self._found.classes))
        fits = int((1 + (1 + 8 * pairs) ** 0.5) / 2)
        chosen = sorted(np.argsort(-np.array(weakest), kind="stable")[:fits])
        for one, other in pairs_of(len(chosen)):
            first, second = int(chosen[one]), int(chosen[other])
            if self._cuts[first].feature != self._cuts[second].feature:
                looked += self._within((first, second))
        return looked

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
        each = moments(excess, coarse, groups)
        part = Moments(*(value[large] for value in each))
        rest = Moments(*(value.sum() - value[large] for value in each))
        _, t, p = welch(part, rest, self._margin)
        # Only what is beyond chance before the correction can be so after it, and is looked at once more.
        if (p <= self._settings.alpha).any() and len(self._kept) * self._rows < KEPT_VALUES:
            self._kept[places] = excess.astype(np.float32)
        return [
            _Candidate(self._parts(places, int(code)), float(one), float(other))
            for code, one, other in zip(large, t, p, strict=True)
        ]

    def _is_looked_at(self, parts: tuple[Part, ...]) -> bool:
        return all(self._cuts[place].unlooked != code for place, code in parts)

    def told_apart(self, candidates: Sequence[_Candidate], bar: float) -> list[tuple[Part, ...]]:
        """Those that say something which those before them do not."""
        taken: list[tuple[tuple[Part, ...], np.ndarray]] = []
        least = self._settings.least(self._rows)
        for candidate in candidates:
            if len(taken) == self._settings.most:
                break
            inside, excess = self._members(candidate.parts), self._excess_of(candidate.parts)
            if len(candidate.parts) == 2 and not self._worse_than_both(candidate.parts, inside, excess, bar):
                continue
            # A pair's own single slices hold all of its rows; against them it has just been tested.
            free = np.ones(self._rows, bool)
            for parts, members in taken:
                if not set(parts) < set(candidate.parts):
                    free &= ~members
            if (inside & free).sum() < least:
                continue
            if not self._beyond(excess, inside & free, ~inside & free, self._margin, bar):
                continue
            taken.append((candidate.parts, inside))
        return [parts for parts, _ in taken]

    def _worse_than_both(self, parts: tuple[Part, ...], inside: np.ndarray, excess: np.ndarray, bar: float) -> bool:
        for part in parts:
            single = self._members((part,))
            beside = single & ~inside
            if not beside.any():
                return False  # the pair is that slice
            already = float(excess[beside].mean() - excess[~single].mean())
            if not self._beyond(excess, inside, beside, max(self._margin, already), bar):
                return False
        return True

    @staticmethod
    def _beyond(excess: np.ndarray, one: np.ndarray, other: np.ndarray, margin: float, bar: float) -> bool:
        """Is the one's mean above the other's by the margin, beyond chance?"""
        _, t, p = welch(moments_of(excess[one]), moments_of(excess[other]), margin)
        return bool(t[0] > 0 and p[0] <= bar)

    def described(self, parts: tuple[Part, ...], p: float) -> WeakSlice:
        """A slice with all its figures."""
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
            figures=figures(self._found.take(inside)),
            elsewhere=figures(self._found.take(~inside)),
        )

    def _codes(self, places: tuple[int, ...], level: int) -> np.ndarray:
        """Of slices (level 0) or of finer bins (1)."""
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
    """Which rows [N] lie in a slice; `codes` are the slices' codes [N] by cut."""
    inside = np.ones(len(codes[0]), bool)
    for place, code in parts:
        inside &= codes[place] == code
    return inside
