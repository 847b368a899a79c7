"""Rows that ingest wrote, for every step that reads them to compare with what it read.

rows.json lies beside the splits of an Examples artifact: {"rows": {"Split-train": {"data_tfrecord-….gz": 1000}}}. It is
a file and no property of the artifact, since a trainer is told files and not artifacts.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from components.shared.errors import PlumblineError

FILE = "rows.json"


def rows_text(written: Iterable[tuple[str, int]]) -> str:
    """Content of rows.json for files, by path or URL, and the number of rows in each."""
    rows: dict[str, dict[str, int]] = {}
    for path, count in written:
        folder, _, name = path.rpartition("/")
        rows.setdefault(folder.rpartition("/")[2], {})[name] = count
    return json.dumps({"rows": rows}, indent=2) + "\n"


def written_rows(split: str) -> Mapping[str, int] | None:
    """File name -> rows that ingest wrote into a split's folder.

    None where nothing is said of it: what an earlier version wrote, or another program.
    """
    above, _, name = split.rstrip("/").rpartition("/")
    try:
        found = json.loads(_read(f"{above}/{FILE}"))["rows"][name]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = isinstance(found, dict) and all(type(count) is int for count in found.values())
    return found if whole else None


def check_files(split: str, files: Iterable[str]) -> None:
    """PlumblineError unless a split's folder holds the files that ingest wrote, and no other."""
    written = written_rows(split)
    if written is None:
        return
    there = {os.path.basename(file) for file in files}
    for name in sorted(written.keys() ^ there):
        what = "is missing" if name in written else "was not written by ingest"
        raise PlumblineError(f"{split.rstrip('/')}/{name}: {what}; run again with --verify, which makes it anew")


def check_rows(file: str, rows: int) -> None:
    """PlumblineError unless as many rows were read from a file of examples as ingest wrote."""
    split, _, name = file.rpartition("/")
    _compare(file, rows, (written_rows(split) or {}).get(name))


def check_split(split: str, rows: int) -> None:
    """PlumblineError unless as many rows were read from a split's folder, or its file, as ingest wrote."""
    written = written_rows(split)
    if written is None:
        check_rows(split, rows)
    else:
        _compare(split, rows, sum(written.values()))


def _compare(where: str, rows: int, written: int | None) -> None:
    if written is not None and rows != written:
        raise PlumblineError(
            f"{where}: {rows:,} rows were read, ingest wrote {written:,}; run again with --verify, which makes it anew"
        )


def _read(path: str) -> Any:
    if "://" not in path:
        with open(path, encoding="utf-8") as file:
            return file.read()
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(path) as file:
            return file.read()
    except tf.errors.OpError as exc:
        raise OSError(str(exc)) from exc
