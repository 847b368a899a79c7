"""Which files a run reads: spans found in a folder, and the window that ends before the newest one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pyarrow import fs

from components.errors import InputError
from components.secret_texts import holds_secret, without_secrets

SPAN = "{span}"
"""In a pattern, or a query, where the number of a span stands."""


@dataclass(frozen=True)
class Part:
    """One file of a span that has several, and what the folders it lies in say: column -> value, None for no value."""

    path: str
    name: str
    bytes: int
    modified_ns: int
    values: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True)
class SpanFile:
    """One span: its number and its file. `path` is relative to `filesystem`; `name` is what a person is shown.

    Where a span is a folder of files (partitions.py), these are its `parts`, and `path` is the folder. Of a database
    `path` is the query.
    """

    span: int
    path: str
    name: str
    bytes: int
    modified_ns: int
    before: int = 0
    """How many spans before the window it is, where rows of it are added to the window's; 0 is within."""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class SpanWindow:
    """The spans of one run: `train` oldest first, then one `eval` span, newer than all of them.

    Data without spans is one file, with the number 0, in both: its rows are dealt to the splits (splitting.py).
    `extra` are the spans before `train` of which some rows are taken, too, oldest first (extra.py).
    """

    train: tuple[SpanFile, ...]
    eval: tuple[SpanFile, ...]
    extra: tuple[SpanFile, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether both splits are dealt from the same file."""
        return self.train == self.eval

    @property
    def files(self) -> tuple[SpanFile, ...]:
        """All files, oldest first."""
        return (*self.extra, *self.train, *self.eval)

    def splits(self) -> dict[str, tuple[SpanFile, ...]]:
        """Split name -> its files; `extra` only where there are some."""
        return {"train": self.train, "eval": self.eval} | ({"extra": self.extra} if self.extra else {})


def open_folder(directory: str) -> tuple[fs.FileSystem, str]:
    """The filesystem and the path in it of a folder or URL (file://, s3://, gs://, hdfs://).

    A URL is percent-encoded: s3://bucket/a%20b. Arrow takes AWS_ENDPOINT_URL (MinIO, Ceph; http:// is allowed), keys
    and region from the environment.
    """
    if "://" in directory:
        if holds_secret(directory):
            raise InputError(
                f"{without_secrets(directory)}: holds credentials, which a run would record; take them out of the URL "
                "and set the store's environment variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        try:
            return fs.FileSystem.from_uri(directory)
        except (OSError, ValueError) as exc:
            raise InputError(f"{directory}: cannot be opened ({said(exc)})") from exc
    return fs.LocalFileSystem(), directory


def find_spans(directory: str, pattern: str) -> list[SpanFile]:
    """All spans in a folder, by number.

    Args:
      directory: Folder or URL.
      pattern: File name with `{span}` where the number stands, such as `span-{span}.csv`; or the name of one file,
        which is then found as span 0.

    Raises:
      InputError: The folder is missing, holds no span, or holds two files for one number.
    """
    filesystem, root = open_folder(directory)
    before, braces, after = pattern.partition(SPAN)
    matches = re.compile(re.escape(before) + (r"(\d+)" if braces else "()") + re.escape(after)).fullmatch
    try:
        entries = filesystem.get_file_info(fs.FileSelector(root))
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise InputError(f"{directory}: no such folder; [data] directory or --data says where the spans lie") from exc
    except OSError as exc:
        raise InputError(f"{directory}: cannot be listed ({said(exc)})") from exc
    spans: dict[int, SpanFile] = {}
    for entry in sorted(entries, key=lambda entry: entry.base_name):
        match = matches(entry.base_name)
        if match is None:
            continue
        span, name = int(match[1] or 0), shown(directory, entry.base_name)
        if entry.type != fs.FileType.File:
            what = "a folder" if entry.type == fs.FileType.Directory else "no regular file"
            raise InputError(f"{name}: {what} where a span file is expected")
        if span in spans:
            raise InputError(f"{name}: span {span} is there twice, also as {spans[span].name}; keep one")
        spans[span] = SpanFile(span, entry.path, name, entry.size, entry.mtime_ns or 0)
    if not spans:
        raise InputError(f"{directory}: no file is named {'like ' if braces else ''}{pattern}")
    return [spans[number] for number in sorted(spans)]


def choose_window(found: Iterable[SpanFile], span: int | None, window: int, extra: int = 0) -> SpanWindow:
    """The window that ends at `span`: `eval` is that span, `train` the `window` spans before it.

    Args:
      found: The spans there are, oldest first.
      span: Number of the eval span; None takes the newest.
      window: How many spans to train on. Fewer are taken where the history is shorter, at least one.
      extra: How many spans before these to take some rows of. All have to be there.

    Raises:
      InputError: The span is not there, is the oldest one, or one of its window or of those before it is missing.
    """
    by_number = {file.span: file for file in found}
    numbers = sorted(by_number)
    newest = numbers[-1] if span is None else span
    there = f"there is: {_ranges(numbers)}"
    if newest not in by_number:
        raise InputError(f"span {newest} is not there; {there}")
    wanted = list(range(max(newest - window, numbers[0]), newest))
    if not wanted:
        raise InputError(f"span {newest} is the oldest, so nothing is left to train on; {there}")
    missing = [number for number in wanted if number not in by_number]
    if missing:
        raise InputError(f"span {missing[0]}, needed to train for span {newest}, is not there; {there}")
    added = range(wanted[0] - extra, wanted[0])
    if gone := [number for number in added if number not in by_number]:
        raise InputError(
            f"span {gone[0]}, of which [[data.extra]] takes rows for span {newest}, is not there; {there}; "
            "ask for fewer spans, or take it out"
        )
    return SpanWindow(
        train=tuple(by_number[number] for number in wanted),
        eval=(by_number[newest],),
        extra=tuple(replace(by_number[number], before=wanted[0] - number) for number in added),
    )


def choose_periods(found: Sequence[SpanFile], span: int | None, window: int, extra: int = 0) -> SpanWindow:
    """The window that ends at the period `span`, as choose_window does of files; periods without rows are left out.

    Several files may have rows of a period; `found` are sorted by it.
    """
    numbers = sorted({file.span for file in found})
    newest = numbers[-1] if span is None else span
    there = f"there is: {_ranges(numbers)}"
    if newest not in numbers:
        raise InputError(f"span {newest} is not there; {there}")
    place = numbers.index(newest)
    if not place:
        raise InputError(f"span {newest} is the oldest, so nothing is left to train on; {there}")
    wanted = numbers[max(place - window, 0) : place]
    first = place - len(wanted)
    if extra > first:
        raise InputError(
            f"before span {wanted[0]} are {first} others, and [[data.extra]] takes rows of {extra} for span {newest}; "
            f"{there}; ask for fewer spans, or take it out"
        )
    before = {number: first - at for at, number in enumerate(numbers[:first]) if first - at <= extra}
    return SpanWindow(
        train=tuple(file for file in found if file.span in wanted),
        eval=tuple(file for file in found if file.span == newest),
        extra=tuple(replace(file, before=before[file.span]) for file in found if file.span in before),
    )


def said(error: Exception) -> str:
    """The error in one line, and where an S3 that is meant or may be entered is set."""
    said = " ".join(str(error).split())
    if "INVALID_ACCESS_KEY_ID" in said or "ACCESS_DENIED" in said or "SIGNATURE" in said:
        return f"{said}; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return f"{said}; check AWS_ENDPOINT_URL" if "NETWORK_CONNECTION" in said else said


def shown(directory: str, base_name: str) -> str:
    """A file's path or URL, as a person is shown it."""
    return directory.rstrip("/") + "/" + base_name if "://" in directory else str(PurePosixPath(directory) / base_name)


def _ranges(numbers: list[int]) -> str:
    """[1, 2, 3, 7] -> "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
