"""Cache of rendered charts: starting the renderer takes 1 s of CPU, and most charts of a run equal earlier ones."""

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


class ChartCache:
    """SVG charts by the digest of their spec.

    Attributes:
      known: Charts of the earlier report.
      used: Charts that the current report uses; only these are kept.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = dict(known)
        self.used: dict[str, str] = {}

    def svg(self, spec: Mapping[str, Any], draw: Callable[[], str]) -> str:
        """Returns the chart of a spec, from the cache or by calling `draw`."""
        key = json.dumps([spec, version("vl-convert-python")], sort_keys=True)
        digest = hashlib.sha256(key.encode()).hexdigest()
        if digest not in self.used:
            self.used[digest] = self.known.get(digest) or draw()
        return self.used[digest]


_current: ContextVar[ChartCache | None] = ContextVar("chart_cache", default=None)


@contextmanager
def cached_charts(file: Path) -> Iterator[None]:
    """Context in which `svg_of` takes charts from `file`; at its end the file holds the charts that were used.

    Args:
      file: JSON, rewritten if the charts changed. A missing or unreadable file is an empty cache.
    """
    cache = ChartCache(_load(file))
    token = _current.set(cache)
    try:
        yield
    finally:
        _current.reset(token)
    if cache.used != cache.known:
        write_json(file, cache.used)


def svg_of(spec: Mapping[str, Any], draw: Callable[[], str]) -> str:
    """Returns the chart of a spec, from the current cache if it is there, else by calling `draw`."""
    cache = _current.get()
    return draw() if cache is None else cache.svg(spec, draw)


_TAGS = frozenset({"svg", "g", "path", "rect", "circle", "line", "text", "tspan", "defs", "clipPath", "title"})
_ACTIVE = re.compile(r"\son\w+\s*=|href|javascript:|url\(\s*[^#\s]|<[!?]", re.IGNORECASE)


def is_drawing(svg: str) -> bool:
    """Returns whether a text is an SVG without active content; the cache file is untrusted input."""
    tags = set(re.findall(r"<\s*/?\s*([^\s/>]*)", svg))
    return svg.startswith("<svg") and tags <= _TAGS and _ACTIVE.search(svg) is None


def _load(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(digest): str(svg) for digest, svg in found.items() if is_drawing(str(svg))}
    except (OSError, ValueError, AttributeError):
        return {}
