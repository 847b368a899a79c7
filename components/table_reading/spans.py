"""Finds spans in a folder and selects the window of a run."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pyarrow import fs

from components.shared.errors import InputError
from components.shared.texts.secrets import holds_secret, without_secrets

SPAN = "{span}"
"""Placeholder for the span number in a file pattern or a query."""


@dataclass(frozen=True)
class SpanPart:
    """One file of a span with several files.

    Attributes:
      path: Path in the filesystem.
      name: Path or URL for messages.
      bytes: Size of the file.
      modified_ns: Modification time, in nanoseconds since 1970.
      values: Partition columns and their values from the names of the folders; None for a null value.
      relative: Path below the data folder.
    """

    path: str
    name: str
    bytes: int
    modified_ns: int
    values: tuple[tuple[str, str | None], ...] = ()
    relative: str = ""


@dataclass(frozen=True)
class SpanFile:
    """One span and its file, folder of files, or query.

    Attributes:
      span: Number of the span, as users see it.
      path: Path in the filesystem; the folder if there are `parts` (hive_partitions.py); for a database the query.
      name: Path or URL for messages.
      bytes: Size of all files.
      modified_ns: Latest modification time, in nanoseconds since 1970.
      before: For the split `extra`, the distance to the window's first span, from 1; else 0.
      parts: The files of a span that has several.
      counted: For a span named by a date, the number of its period counted from 1970; None for a numbered span.
    """

    span: int
    path: str
    name: str
    bytes: int
    modified_ns: int
    before: int = 0
    parts: tuple[SpanPart, ...] = ()
    counted: int | None = None

    @property
    def position(self) -> int:
        """Position in the series of spans; consecutive spans have consecutive positions."""
        return self.span if self.counted is None else self.counted


@dataclass(frozen=True)
class SpanWindow:
    """The spans of one run, by split.

    Data without spans is one file with the number 0, which is in `train` and `eval`; its rows are split by hash
    (hash_split.py) or by time.

    Attributes:
      train: Spans to train on, oldest first.
      eval: The span to evaluate on, newer than all spans of `train`; several entries if it is cut from several files.
      extra: Spans before `train` from which rows of some slices are added, oldest first (extra_rows.py).
    """

    train: tuple[SpanFile, ...]
    eval: tuple[SpanFile, ...]
    extra: tuple[SpanFile, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether both splits come from the same file."""
        return self.train == self.eval

    @property
    def files(self) -> tuple[SpanFile, ...]:
        """All files, oldest first."""
        return (*self.extra, *self.train, *self.eval)

    def splits(self) -> dict[str, tuple[SpanFile, ...]]:
        """Split name -> its files, oldest first; `extra` only if it has files."""
        return {"train": self.train, "eval": self.eval} | ({"extra": self.extra} if self.extra else {})


def open_folder(directory: str) -> tuple[fs.FileSystem, str]:
    """Opens the filesystem of a folder or URL (file://, s3://, gs://, hdfs://).

    A URL is percent-encoded: s3://bucket/a%20b. Arrow reads AWS_ENDPOINT_URL (for MinIO or Ceph; http:// is allowed),
    keys and region from the environment.

    Returns:
      The filesystem, and the path of the folder in it.

    Raises:
      InputError: The URL contains credentials or cannot be opened.
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
            raise InputError(f"{directory}: cannot be opened ({filesystem_error(exc)})") from exc
    return fs.LocalFileSystem(), directory


def find_spans(directory: str, pattern: str) -> list[SpanFile]:
    """Lists the spans in a folder, ordered by number.

    Args:
      directory: Folder or URL.
      pattern: File name with the placeholder `{span}`, such as `span-{span}.csv`; or the name of a single file, which
        becomes span 0.

    Raises:
      InputError: The folder is missing, contains no span, or contains two files with the same number.
    """
    filesystem, root = open_folder(directory)
    before, braces, after = pattern.partition(SPAN)
    matches = re.compile(re.escape(before) + (r"(\d+)" if braces else "()") + re.escape(after)).fullmatch
    try:
        entries = filesystem.get_file_info(fs.FileSelector(root))
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise InputError(
            f"{directory}: no such folder; set [data] directory, or --data, to the folder of the spans"
        ) from exc
    except OSError as exc:
        raise InputError(f"{directory}: cannot be listed ({filesystem_error(exc)})") from exc
    spans: dict[int, SpanFile] = {}
    for entry in sorted(entries, key=lambda entry: entry.base_name):
        match = matches(entry.base_name)
        if match is None:
            continue
        span, name = int(match[1] or 0), display_path(directory, entry.base_name)
        if entry.type != fs.FileType.File:
            what = "a folder" if entry.type == fs.FileType.Directory else "not a regular file"
            raise InputError(f"{name}: {what} where a span file is expected")
        if span in spans:
            raise InputError(f"{name}: span {span} is duplicated by {spans[span].name}; keep one")
        spans[span] = SpanFile(span, entry.path, name, entry.size, entry.mtime_ns or 0)
    if not spans:
        raise InputError(f"{directory}: no file matches {pattern}")
    return [spans[number] for number in sorted(spans)]


def choose_window(found: Iterable[SpanFile], span: int | None, window: int, extra: int = 0) -> SpanWindow:
    """Selects the rolling window for an eval span: `eval` is that span, `train` the `window` spans before it.

    Args:
      found: Available spans, oldest first.
      span: Number of the eval span; None selects the newest.
      window: Number of spans to train on; fewer, but at least one, if the history is shorter.
      extra: Number of spans before `train` that become the split `extra`; all of them must exist.

    Raises:
      InputError: The eval span does not exist or is the oldest, or a span of `train` or `extra` is missing.
    """
    at = {file.position: file for file in found}
    positions = sorted(at)
    available = f"available: {_ranges(sorted(at.values(), key=lambda file: file.position))}"
    # Users may also name a dated span by its position; positions never equal the number of another span.
    known = {file.position: file.position for file in at.values()}
    known |= {file.span: file.position for file in at.values()}
    if span is not None and span not in known:
        raise InputError(f"span {span} does not exist; {available}")
    newest = positions[-1] if span is None else known[span]
    name = at[newest].span
    wanted = list(range(max(newest - window, positions[0]), newest))
    if not wanted:
        raise InputError(f"span {name} is the oldest, so there is no span to train on; {available}")
    missing = [number for number in wanted if number not in at]
    if missing:
        raise InputError(
            f"span {_called(missing[0], at)}, needed to train for span {name}, does not exist; {available}"
        )
    added = range(wanted[0] - extra, wanted[0])
    if gone := [number for number in added if number not in at]:
        raise InputError(
            f"span {_called(gone[0], at)}, of which [[data.extra]] takes rows for span {name}, does not exist; "
            f"{available}; reduce its `spans`, or remove the entry"
        )
    return SpanWindow(
        train=tuple(at[number] for number in wanted),
        eval=(at[newest],),
        extra=tuple(replace(at[number], before=wanted[0] - number) for number in added),
    )


def _called(position: int, at: Mapping[int, SpanFile]) -> str:
    """Names a missing span in a message, by its number or, for dated spans, by its neighbour."""
    newest = at[max(at)]
    if newest.counted is None:
        return str(position)
    before = [number for number in at if number < position]
    return f"after {at[max(before)].span}" if before else f"before {at[min(at)].span}"


def choose_periods(found: Sequence[SpanFile], span: int | None, window: int, extra: int = 0) -> SpanWindow:
    """Selects the rolling window over spans cut by calendar periods; periods without rows are skipped.

    Args:
      found: One entry per file and period, sorted by period; several files may have rows of one period.
      span: Number of the eval period; None selects the newest.
      window: Number of periods to train on; fewer, but at least one, if the history is shorter.
      extra: Number of periods before `train` that become the split `extra`; all of them must exist.

    Raises:
      InputError: The eval period has no rows or is the oldest, or there are fewer than `extra` periods before `train`.
    """
    numbers = sorted({file.span for file in found})
    newest = numbers[-1] if span is None else span
    available = f"available: {_ranges(list({file.span: file for file in found}.values()))}"
    if newest not in numbers:
        raise InputError(f"span {newest} does not exist; {available}")
    place = numbers.index(newest)
    if not place:
        raise InputError(f"span {newest} is the oldest, so there is no span to train on; {available}")
    wanted = numbers[max(place - window, 0) : place]
    first = place - len(wanted)
    if extra > first:
        raise InputError(
            f"span {wanted[0]} has {first} spans before it, but [[data.extra]] needs {extra} for span {newest}; "
            f"{available}; reduce its `spans`, or remove the entry"
        )
    before = {number: first - at for at, number in enumerate(numbers[:first]) if first - at <= extra}
    return SpanWindow(
        train=tuple(file for file in found if file.span in wanted),
        eval=tuple(file for file in found if file.span == newest),
        extra=tuple(replace(file, before=before[file.span]) for file in found if file.span in before),
    )


def filesystem_error(error: Exception) -> str:
    """Formats an error of Arrow's filesystems in one line, with a hint for S3 credentials and endpoints."""
    message = " ".join(str(error).split())
    if "INVALID_ACCESS_KEY_ID" in message or "ACCESS_DENIED" in message or "SIGNATURE" in message:
        return f"{message}; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return f"{message}; check AWS_ENDPOINT_URL" if "NETWORK_CONNECTION" in message else message


def display_path(directory: str, base_name: str) -> str:
    """The path or URL of a file in `directory`, for messages."""
    return directory.rstrip("/") + "/" + base_name if "://" in directory else str(PurePosixPath(directory) / base_name)


def _ranges(files: Sequence[SpanFile]) -> str:
    """Formats span numbers as ranges: 1, 2, 3 and 7 become "1-3, 7"."""
    runs: list[list[SpanFile]] = []
    for file in files:
        if runs and file.position == runs[-1][-1].position + 1:
            runs[-1].append(file)
        else:
            runs.append([file])
    return ", ".join(f"{run[0].span}-{run[-1].span}" if len(run) > 1 else str(run[0].span) for run in runs)
