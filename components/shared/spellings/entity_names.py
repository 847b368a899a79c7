"""Finds names of people, firms or products that may be spellings of one name, among many values and in bounded time.

Only pairs that are likely to match are compared: names with equal keys (ignoring case, blanks, accents, punctuation),
neighbours in the order of their keys and of their reversed keys, and names with the same first word, of which one may
abbreviate a later word of the other ("ACME Corp." and "Acme Corporation").
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from components.shared.spellings.spelling_groups import (
    MIN_NEAR,
    SpellingGroup,
    certain_key,
    group_of,
    has_near,
    loose_key,
    same_digits,
)

NEAR = 92.0
"""Minimum of rapidfuzz's ratio, 0 to 100, for two names to match."""
NEIGHBOURS = 4
"""Neighbours that each name is compared with in each order."""
MAX_ALIKE = 200
"""Maximum names with the same first word that are compared pairwise; of more, only neighbours are."""
MIN_ABBREVIATED = 2
"""Minimum letters of an abbreviation: Co. for Company."""
MAX_NAMES = 1_000_000
"""Maximum distinct names that are compared; the most frequent ones."""
MAX_IN_GROUP = 20
"""Larger groups are dropped: they are chains in which each name only resembles the next."""


def find_entities(counts: Mapping[str, int]) -> list[SpellingGroup]:
    """Returns groups of names that may be one, by descending number of rows; `counts` is name -> rows."""
    if len(counts) > MAX_NAMES:
        counts = dict(sorted(counts.items(), key=lambda pair: -pair[1])[:MAX_NAMES])
    by_key: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        by_key[loose_key(name)].append(name)
    keys = sorted(key for key in by_key if key)
    words = [_words(by_key[key][0]) for key in keys]
    joined = list(range(len(keys)))
    for one, other in (*_near_pairs(keys), *_abbreviated_pairs(words)):
        first, second = sorted((_root(joined, one), _root(joined, other)))
        joined[second] = first
    together: dict[int, list[str]] = defaultdict(list)
    for at, key in enumerate(keys):
        together[_root(joined, at)] += by_key[key]
    found = [group_of(names, counts) for names in together.values() if 1 < len(names) <= MAX_IN_GROUP]
    return sorted(found, key=lambda group: (-group.rows, group.value))


def _root(joined: list[int], at: int) -> int:
    while joined[at] != at:
        joined[at] = joined[joined[at]]
        at = joined[at]
    return at


def _near_pairs(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Indices of keys that differ in a letter or two, among neighbours in both orders."""
    if not has_near() or len(keys) < 2:
        return
    from rapidfuzz import fuzz, process

    backwards = sorted(range(len(keys)), key=lambda at: keys[at][::-1])
    for order in (list(range(len(keys))), backwards):
        for step in range(1, NEIGHBOURS + 1):
            one, other = order[:-step], order[step:]
            scores = process.cpdist(
                [keys[at] for at in one], [keys[at] for at in other], scorer=fuzz.ratio, score_cutoff=NEAR
            )
            for place in np.flatnonzero(scores >= NEAR).tolist():
                left, right = keys[one[place]], keys[other[place]]
                if min(len(left), len(right)) >= MIN_NEAR and same_digits(left, right):
                    yield one[place], other[place]


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", certain_key(name))


def _abbreviated_pairs(words: Sequence[list[str]]) -> Iterator[tuple[int, int]]:
    """Indices of names with equal first word and number of words, whose later words may abbreviate each other."""
    blocks: dict[tuple[str, int], list[int]] = defaultdict(list)
    for at, some in enumerate(words):
        if len(some) > 1 and len(some[0]) >= MIN_NEAR - 2:
            blocks[some[0], len(some)].append(at)
    for members in blocks.values():
        members.sort(key=lambda at: words[at])
        reach = len(members) if len(members) <= MAX_ALIKE else NEIGHBOURS
        for place, one in enumerate(members):
            for other in members[place + 1 : place + 1 + reach]:
                pairs = list(zip(words[one][1:], words[other][1:], strict=True))
                if all(map(_abbreviates, pairs)) and any(left != right for left, right in pairs):
                    yield one, other


def _abbreviates(pair: tuple[str, str]) -> bool:
    short, long = sorted(pair, key=len)
    return short == long or (len(short) >= MIN_ABBREVIATED and short.isalpha() and long.startswith(short))
