"""The current activity of a long-running component, for a progress display."""

from collections.abc import Iterator
from contextlib import contextmanager

_latest = ""
_before = ""


def report_progress(text: str) -> None:
    """Sets the current activity: "network, epoch 2 of 3"; "" when it is finished."""
    global _latest
    _latest = f"{_before}{text}" if text else ""


@contextmanager
def progress_scope(text: str) -> Iterator[None]:
    """Prefixes the activities inside the context: "trial 3 of 12: "."""
    global _before
    outer, _before = _before, f"{_before}{text}"
    try:
        yield
    finally:
        _before = outer


def latest_progress() -> str:
    """Returns the current activity."""
    return _latest
