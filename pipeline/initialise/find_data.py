"""Where one's own data lies: a path or URL becomes the folder, pattern and spans of a dataset, and its name."""

import re
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

from components.arrow_example_gen.reading import CSV, IPC, PARQUET
from components.arrow_example_gen.spans import SpanFile, find_spans, open_folder
from components.errors import InputError, UsageError

SUFFIXES = (*CSV, *PARQUET, *IPC)


@dataclass(frozen=True)
class Place:
    """Where the data lies, as [data] says it. `window` is the number of spans to train on, 0 for a single file."""

    directory: str
    pattern: str
    files: tuple[SpanFile, ...]
    window: int


def find_data(data: str) -> Place:
    """The files of a path or URL; UsageError if there are none, InputError if their names make no series of spans."""
    filesystem, path = open_folder(data)
    try:
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            raise UsageError(f"--data {data}: no such file or folder")
        if info.type == fs.FileType.File:
            directory, _, file = data.rpartition("/")
            return _single(directory or ("/" if data.startswith("/") else "."), file)
        entries = filesystem.get_file_info(fs.FileSelector(path))
    except OSError as exc:
        raise UsageError(f"--data {data}: cannot be read ({' '.join(str(exc).split())})") from exc
    names = sorted(entry.base_name for entry in entries if entry.type == fs.FileType.File)
    names = [name for name in names if name[0] not in "._" and _suffix(name)]
    if not names:
        raise UsageError(f"--data {data}: holds no file that can be read; they end in {', '.join(SUFFIXES)}")
    if len(names) == 1:
        return _single(data, names[0])
    pattern = _pattern(data, names)
    files = tuple(find_spans(data, pattern))
    numbers = [file.span for file in files]
    steady = next((back for back in range(1, len(numbers)) if numbers[-1 - back] != numbers[-1] - back), len(numbers))
    if steady == 1:
        raise InputError(
            f"{data}: spans are numbered one by one, but {pattern} goes from {numbers[-2]} to {numbers[-1]}; "
            "rename the files to a running number"
        )
    return Place(data, pattern, files, min(3, steady - 1))


def _single(directory: str, file: str) -> Place:
    if not _suffix(file):
        raise UsageError(f"--data {file}: is of a kind that is not read; files end in {', '.join(SUFFIXES)}")
    return Place(directory, file, tuple(find_spans(directory, file)), 0)


def _suffix(name: str) -> str:
    return max((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), key=len, default="")


def _pattern(data: str, names: list[str]) -> str:
    """The pattern that all names share; InputError with what there is otherwise."""
    groups: dict[tuple[str, ...], list[list[str]]] = {}
    for name in names:
        stem = name[: len(name) - len(_suffix(name))]  # .bz2 holds a digit, too
        parts = re.split(r"(\d+)", stem)
        groups.setdefault((*parts[::2], name[len(stem) :]), []).append(parts[1::2])
    shown = []
    for (*texts, suffix), numbers in groups.items():
        moving = [place for place, values in enumerate(zip(*numbers, strict=True)) if len(set(values)) > 1]
        filled = ["{span}" if place in moving else number for place, number in enumerate(numbers[0])]
        pattern = "".join(text + number for text, number in zip(texts, [*filled, ""], strict=True)) + suffix
        if len(groups) == 1 and len(moving) == 1:
            return pattern
        shown.append(pattern if moving else "".join(texts) + suffix)
    found = ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")
    raise InputError(
        f"{data}: the names of its {len(names)} files differ in more than one number: {found}; "
        "a folder holds one series, as span-1.csv, span-2.csv; or name one file"
    )


def legal_name(data: str) -> str:
    """A dataset's name made of a file's or folder's: Big Table.v2.csv.gz -> big_table_v2."""
    last = data.rstrip("/").rpartition("/")[2]
    last = Path.cwd().name if last in ("", ".", "..") else last
    stem = last[: len(last) - len(_suffix(last))]
    name = re.sub(r"[^a-z0-9-]+", "_", stem.lower()).strip("_-")
    return name if name[:1].isalpha() and name[:1].isascii() else f"data_{name}".rstrip("_")
