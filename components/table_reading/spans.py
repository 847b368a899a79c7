"""Which files a run reads: spans found in a folder, and the window that ends before the newest one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pyarrow import fs

from components.shared.errors import InputError
from components.shared.texts.secrets import holds_secret, without_secrets

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
    counted: int | None = None
    """Of a span that is named by a date, the periods since 1970: one more than that of the span before."""

    @property
    def position(self) -> int:
        """One more than that of the span before."""
        return self.span if self.counted is None else self.counted


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
    at = {file.position: file for file in found}
    positions = sorted(at)
    there = f"there is: {_ranges(sorted(at.values(), key=lambda file: file.position))}"
    # A span that is named by a date is known by the count of its period as well, which no other span's number is.
    known = {file.position: file.position for file in at.values()}
    known |= {file.span: file.position for file in at.values()}
    if span is not None and span not in known:
        raise InputError(f"span {span} is not there; {there}")
    newest = positions[-1] if span is None else known[span]
    name = at[newest].span
    wanted = list(range(max(newest - window, positions[0]), newest))
    if not wanted:
        raise InputError(f"span {name} is the oldest, so nothing is left to train on; {there}")
    missing = [number for number in wanted if number not in at]
    if missing:
        raise InputError(f"span {_called(missing[0], at)}, needed to train for span {name}, is not there; {there}")
    added = range(wanted[0] - extra, wanted[0])
    if gone := [number for number in added if number not in at]:
        raise InputError(
            f"span {_called(gone[0], at)}, of which [[data.extra]] takes rows for span {name}, is not there; {there}; "
            "ask for fewer spans, or take it out"
        )
    return SpanWindow(
        train=tuple(at[number] for number in wanted),
        eval=(at[newest],),
        extra=tuple(replace(at[number], before=wanted[0] - number) for number in added),
    )


def _called(position: int, at: Mapping[int, SpanFile]) -> str:
    """How a span that is not there is called."""
    newest = at[max(at)]
    if newest.counted is None:
        return str(position)
    before = [number for number in at if number < position]
    return f"after {at[max(before)].span}" if before else f"before {at[min(at)].span}"


def choose_periods(found: Sequence[SpanFile], span: int | None, window: int, extra: int = 0) -> SpanWindow:
    """The window that ends at the period `span`, as choose_window does of files; periods without rows are left out.

    Several files may have rows of a period; `found` are sorted by it.
    """
    numbers = sorted({file.span for file in found})
    newest = numbers[-1] if span is None else span
    there = f"there is: {_ranges(list({file.span: file for file in found}.values()))}"
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


def _ranges(files: Sequence[SpanFile]) -> str:
    """Spans 1, 2, 3 and 7, by number, as "1-3, 7"."""
    runs: list[list[SpanFile]] = []
    for file in files:
        if runs and file.position == runs[-1][-1].position + 1:
            runs[-1].append(file)
        else:
            runs.append([file])
    return ", ".join(f"{run[0].span}-{run[-1].span}" if len(run) > 1 else str(run[0].span) for run in runs)
