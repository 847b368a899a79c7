"""Hive-partitioned folders (column=value): detects the column of the spans and derives the file pattern."""

import re
from collections.abc import Mapping, Sequence

from components.shared.errors import InputError
from components.table_reading.formats.registry import suffix
from components.table_reading.hive_partitions import values_of, walk
from components.table_reading.span_numbers import are_spans
from components.table_reading.spans import SPAN, open_folder

TIME_WORDS = ("date", "day", "dt", "ds", "week", "month", "quarter", "year", "period", "span", "batch", "snapshot")
"""Usual names of a span column, finest granularity first."""


def partitioned_pattern(data: str) -> tuple[str, str]:
    """Derives the file pattern of a partitioned folder and the column of its spans.

    Returns:
      Pattern and column, such as `month={span}/region=*/*.parquet` and `month`; the column is "" if none has
      consecutive numbers, the pattern is "" if the folder is not partitioned.

    Raises:
      InputError: The folders differ in depth or columns, or the files in type.
    """
    filesystem, root = open_folder(data)
    paths = [path for _, path in walk(filesystem, root, data) if suffix(path) and values_of(path)]
    if not paths:
        return "", ""
    levels = {tuple(re.sub("=.*", "", folder) for folder in path.split("/")[:-1]) for path in paths}
    if len(levels) > 1:
        found = " and ".join("/".join(one) for one in sorted(levels)[:2])
        raise InputError(
            f"{data}: its folders have different partition columns: {found}; use the same columns everywhere"
        )
    ends = sorted({suffix(path) for path in paths})
    if len(ends) > 1:
        raise InputError(f"{data}: contains files of several types: {', '.join(ends)}; use one type")
    folders = [path.split("/")[:-1] for path in paths]
    values = {
        place: sorted({folder[place].partition("=")[2] for folder in folders})
        for place in range(len(folders[0]))
        if "=" in folders[0][place]
    }
    names = next(iter(levels))
    chosen = _span_level(names, values)
    pieces = [
        (f"{name}={SPAN if place == chosen else '*'}" if place in values else _literal(folders, place))
        for place, name in enumerate(names)
    ]
    return "/".join([*pieces, f"*{ends[0]}"]), "" if chosen < 0 else names[chosen]


def _span_level(names: Sequence[str], values: Mapping[int, Sequence[str]]) -> int:
    """The folder level of the spans; -1 if there is none. Columns named after a time unit are preferred."""
    able = [place for place, found in values.items() if are_spans(found)]
    words = {place: re.split(r"[^a-z]+", names[place].lower()) for place in able}
    timely = [place for word in TIME_WORDS for place in able if word in words[place]]
    return (timely or able or [-1])[0]


def _literal(folders: Sequence[Sequence[str]], place: int) -> str:
    found = {folder[place] for folder in folders}
    return next(iter(found)) if len(found) == 1 else "*"
