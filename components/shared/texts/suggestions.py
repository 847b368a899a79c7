"""Suggests the known name that a misspelt one probably stands for."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that is most similar to `word`, upper and lower case being alike; "" if none is similar.

    Similarity is difflib's ratio (Ratcliff and Obershelp 1988), in [0, 1]; a name is similar from 0.6.
    """
    folded = {name.casefold(): name for name in known if name}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean late? `, to stand before the list of known names; "" if none is similar."""
    near = nearest(word, known)
    return f"did you mean {near}? " if near else ""
