"""Folders of folders, named column=value: which of these columns makes the spans, and the pattern that says so."""

import re
from collections.abc import Mapping, Sequence

from components.shared.errors import InputError
from components.table_reading.formats.file_suffixes import suffix
from components.table_reading.hive_partitions import values_of, walk
from components.table_reading.span_numbers import are_spans
from components.table_reading.spans import SPAN, open_folder

TIME_WORDS = ("date", "day", "dt", "ds", "week", "month", "quarter", "year", "period", "span", "batch", "snapshot")
"""What a column of spans is called, most likely; first those that cut finest."""


def partitioned_pattern(data: str) -> tuple[str, str]:
    """The pattern of a folder whose files lie in folders named column=value, and the column of the spans.

    Returns:
      As `month={span}/region=*/*.parquet` and `month`; the column is "" where none makes a series of spans. The pattern
      is "" where there are no such folders.

    Raises:
      InputError: The folders are of several depths, columns or kinds of files.
    """
    filesystem, root = open_folder(data)
    paths = [path for _, path in walk(filesystem, root, data) if suffix(path) and values_of(path)]
    if not paths:
        return "", ""
    levels = {tuple(re.sub("=.*", "", folder) for folder in path.split("/")[:-1]) for path in paths}
    if len(levels) > 1:
        found = " and ".join("/".join(one) for one in sorted(levels)[:2])
        raise InputError(f"{data}: its folders are not of one kind: {found}; a table has the same columns everywhere")
    ends = sorted({suffix(path) for path in paths})
    if len(ends) > 1:
        raise InputError(f"{data}: holds files of several kinds: {', '.join(ends)}; a table is of one kind")
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
    """The folder level that makes the spans; -1 if none does. A column with a name of time goes first."""
    able = [place for place, found in values.items() if are_spans(found)]
    words = {place: re.split(r"[^a-z]+", names[place].lower()) for place in able}
    timely = [place for word in TIME_WORDS for place in able if word in words[place]]
    return (timely or able or [-1])[0]


def _literal(folders: Sequence[Sequence[str]], place: int) -> str:
    found = {folder[place] for folder in folders}
    return next(iter(found)) if len(found) == 1 else "*"
