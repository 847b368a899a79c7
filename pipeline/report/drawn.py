"""Charts of earlier reports: starting the renderer takes 1 s of CPU, and most charts stay as they were."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from typing import Any

from components.shared.files import write_json


class Drawn:
    """Charts by the digest of their spec. Those that a report did not ask for again are forgotten."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = dict(known)
        self.used: dict[str, str] = {}

    def svg(self, spec: Mapping[str, Any], draw: Callable[[], str]) -> str:
        """The chart of a spec, drawn if it is not known."""
        told = json.dumps([spec, version("vl-convert-python")], sort_keys=True)
        digest = hashlib.sha256(told.encode()).hexdigest()
        if digest not in self.used:
            self.used[digest] = self.known.get(digest) or draw()
        return self.used[digest]


_current: ContextVar[Drawn | None] = ContextVar("drawn", default=None)


@contextmanager
def drawn_before(file: Path) -> Iterator[None]:
    """Within it, charts that are in `file` are not drawn again; at its end, the file holds those that were asked for.

    Args:
      file: JSON, written anew if anything changed. One that is not there or cannot be read holds nothing.
    """
    drawn = Drawn(_load(file))
    token = _current.set(drawn)
    try:
        yield
    finally:
        _current.reset(token)
    if drawn.used != drawn.known:
        write_json(file, drawn.used)


def svg_of(spec: Mapping[str, Any], draw: Callable[[], str]) -> str:
    """`draw`'s chart of a spec, from an earlier report if there is one."""
    drawn = _current.get()
    return draw() if drawn is None else drawn.svg(spec, draw)


_TAGS = frozenset({"svg", "g", "path", "rect", "circle", "line", "text", "tspan", "defs", "clipPath", "title"})
_ACTIVE = re.compile(r"\son\w+\s*=|href|javascript:|url\(\s*[^#\s]|<[!?]", re.IGNORECASE)


def is_drawing(svg: str) -> bool:
    """Whether a text is an SVG of shapes and words alone: the file may have been written by another."""
    tags = set(re.findall(r"<\s*/?\s*([^\s/>]*)", svg))
    return svg.startswith("<svg") and tags <= _TAGS and _ACTIVE.search(svg) is None


def _load(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(digest): str(svg) for digest, svg in found.items() if is_drawing(str(svg))}
    except (OSError, ValueError, AttributeError):
        return {}
