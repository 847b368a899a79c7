"""Groups values of a column that may be spellings of one value: they differ in case, blanks, accents or by a typo.

Differences in case, blanks and Unicode form are certain enough that labels are merged by default; the others are only
proposed. Typos are found with rapidfuzz, in bounded time.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

CASE, BLANKS, UNICODE, ACCENTS, PUNCTUATION, LETTERS = (
    "case", "blanks", "Unicode form", "accents", "punctuation", "letters",
)  # fmt: skip
CERTAIN = frozenset({CASE, BLANKS, UNICODE})
MIN_LETTERS = 3
"""Minimum letters of a text; shorter ones are codes, for which punctuation matters: "A-" and "A"."""
MAX_VALUES = 4_000
"""Maximum distinct values of a column that are compared pairwise; the most frequent ones."""
NEAR = 90.0
"""Minimum of rapidfuzz's ratio, 0 to 100, for values to match: about one wrong letter in ten."""
MIN_NEAR = 5
"""Minimum characters of such a value."""
RARER = 5
"""A typo has to be rarer than the intended value by this factor."""
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@dataclass(frozen=True)
class SpellingGroup:
    """Spellings that may be one value.

    Attributes:
      value: Proposed canonical value: the most frequent spelling, without surrounding blanks.
      spellings: Spelling -> rows, the most frequent first.
      differ: Kinds of differences: case, blanks, Unicode form, accents, punctuation, letters.
    """

    value: str
    spellings: Mapping[str, int]
    differ: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Whether the spellings differ in case, blanks or Unicode form only."""
        return set(self.differ) <= CERTAIN

    @property
    def meant(self) -> dict[str, str]:
        """Spelling -> canonical value, for all spellings other than that value."""
        return {spelling: self.value for spelling in self.spellings if spelling != self.value}

    @property
    def rows(self) -> int:
        """Number of rows with another spelling than the canonical value."""
        return sum(rows for spelling, rows in self.spellings.items() if spelling != self.value)


def has_near() -> bool:
    """Whether typos can be found: rapidfuzz is installed."""
    return find_spec("rapidfuzz") is not None


def find_groups(counts: Mapping[str, int], near: bool = True) -> list[SpellingGroup]:
    """Groups the values of a column, by descending number of rows.

    Args:
      counts: Value -> rows.
      near: Whether to find typos, too, if rapidfuzz is installed.
    """
    by_key: dict[str, list[str]] = defaultdict(list)
    for text in counts:
        by_key[certain_key(text)].append(text)
    by_loose: dict[str, list[str]] = defaultdict(list)
    for key in by_key:
        by_loose[loose_key(key)].append(key)
    merged = [[text for key in keys for text in by_key[key]] for keys in by_loose.values()]
    if near and has_near():
        merged = _with_slips(merged, counts)
    found = [group_of(texts, counts) for texts in merged if len(texts) > 1]
    return sorted(found, key=lambda group: (-group.rows, group.value))


def certain_key(text: str) -> str:
    """Returns a key that is equal for texts that differ in case, blanks or Unicode form only."""
    return " ".join(_compatible(text).casefold().split())


def loose_key(text: str) -> str:
    """Returns a key that is equal for texts that differ in accents, punctuation or blanks between words, too."""
    plain = certain_key(text)
    if sum(character.isalpha() for character in plain) < MIN_LETTERS:
        return plain
    plain = _without_accents(plain)
    plain = re.sub(r"(?<!\d)[.,]|[.,](?!\d)|['\"`\u2019\u00b4]", "", plain)  # not 1.5
    plain = re.sub(r"[-_/;:()\[\]]", " ", plain)
    return re.sub(r"(?<!\d) +| +(?!\d)", "", plain)


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_UNSEEN)


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


def group_of(texts: Iterable[str], counts: Mapping[str, int]) -> SpellingGroup:
    """Returns the group of these spellings; `counts` is spelling -> rows."""
    ranked = sorted(texts, key=lambda text: (-counts[text], text != text.strip(), text))
    differ = _differences(ranked)
    value = " ".join(ranked[0].split()) if BLANKS in differ else ranked[0]
    return SpellingGroup(value, {text: counts[text] for text in ranked}, differ)


_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    (UNICODE, _compatible),
    (BLANKS, lambda text: " ".join(text.split())),
    (CASE, str.casefold),
    (ACCENTS, _without_accents),
    (PUNCTUATION, loose_key),
)
"""Kind of difference -> function that removes it, in the order of application."""


def _differences(texts: list[str]) -> tuple[str, ...]:
    """Kinds of differences between texts: those that have to be removed to make them equal."""

    def left(names: Iterable[str]) -> int:
        found = set(texts)
        for name, step in _STEPS:
            if name in names:
                found = set(map(step, found))
        return len(found)

    names = [name for name, _ in _STEPS]
    needed = next((names[:size] for size in range(len(names) + 1) if left(names[:size]) == 1), names)
    least = left(needed)
    found = [name for name in needed if left([other for other in needed if other != name]) > least]
    # If two steps remove the same difference, the first is reported.
    found = found or [name for at, name in enumerate(needed) if left(needed[: at + 1]) < left(needed[:at])]
    return (*found, LETTERS) if least > 1 else tuple(found)


def _with_slips(groups: list[list[str]], counts: Mapping[str, int]) -> list[list[str]]:
    """Merges groups whose most frequent values differ in a letter or two, if one is much rarer."""
    from rapidfuzz import fuzz, process

    size = {at: sum(counts[text] for text in texts) for at, texts in enumerate(groups)}
    order = sorted(size, key=lambda at: -size[at])[:MAX_VALUES]
    keys = {at: _without_accents(certain_key(max(groups[at], key=lambda text: counts[text]))) for at in order}
    order = [at for at in order if len(keys[at]) >= MIN_NEAR]
    joined = {at: at for at in order}
    scores = process.cdist(
        [keys[at] for at in order], [keys[at] for at in order], scorer=fuzz.ratio, score_cutoff=NEAR, dtype=np.uint8
    )
    for rarer, meant in np.argwhere(np.tril(scores, -1) > 0):  # the intended value is more frequent, so it is earlier
        one, other = order[rarer], order[meant]
        if joined[one] == one and size[other] >= RARER * size[one] and same_digits(keys[one], keys[other]):
            joined[one] = joined[other]
    together: dict[int, list[str]] = {}
    for at, texts in enumerate(groups):
        together.setdefault(joined.get(at, at), []).extend(texts)
    return list(together.values())


def same_digits(one: str, other: str) -> bool:
    """Whether two texts contain the same numbers; "route 12" and "route 13" are different values."""
    return re.findall(r"\d+", one) == re.findall(r"\d+", other)
