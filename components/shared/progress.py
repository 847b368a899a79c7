"""What a long step is doing just now, for whoever shows it; nobody has to look."""

from collections.abc import Iterator
from contextlib import contextmanager

_latest = ""
_before = ""


def note(text: str) -> None:
    """Says it in a few words: "network, epoch 2 of 3"; "" when it is over."""
    global _latest
    _latest = f"{_before}{text}" if text else ""


@contextmanager
def within(text: str) -> Iterator[None]:
    """What is noted inside is a part of this: "trial 3 of 12: "."""
    global _before
    outer, _before = _before, f"{_before}{text}"
    try:
        yield
    finally:
        _before = outer


def latest() -> str:
    """The last note."""
    return _latest
