"""Row counts that ingest writes, for the components to compare with the rows that they read.

rows.json is beside the splits of an Examples artifact: {"rows": {"Split-train": {"data_tfrecord-….gz": 1000}}}. It is a
file and not a property of the artifact, because TFX passes files and not artifacts to a trainer.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from components.shared.errors import PlumblineError

FILE = "rows.json"


def rows_text(written: Iterable[tuple[str, int]]) -> str:
    """Returns the content of rows.json from pairs of a file's path or URL and its number of rows."""
    rows: dict[str, dict[str, int]] = {}
    for path, count in written:
        folder, _, name = path.rpartition("/")
        rows.setdefault(folder.rpartition("/")[2], {})[name] = count
    return json.dumps({"rows": rows}, indent=2) + "\n"


def written_rows(split: str) -> Mapping[str, int] | None:
    """Returns file name -> rows that ingest wrote into a split's folder.

    None if there is no rows.json for it: an earlier version or another program wrote the split.
    """
    above, _, name = split.rstrip("/").rpartition("/")
    try:
        found = json.loads(_read(f"{above}/{FILE}"))["rows"][name]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = isinstance(found, dict) and all(type(count) is int for count in found.values())
    return found if whole else None


def check_files(split: str, files: Iterable[str]) -> None:
    """Raises PlumblineError unless a split's folder holds exactly the files that ingest wrote."""
    written = written_rows(split)
    if written is None:
        return
    there = {os.path.basename(file) for file in files}
    for name in sorted(written.keys() ^ there):
        what = "is missing" if name in written else "was not written by ingest"
        raise PlumblineError(f"{split.rstrip('/')}/{name}: {what}; run again with --verify, which makes it anew")


def check_rows(file: str, rows: int) -> None:
    """Raises PlumblineError unless the number of rows read from a file equals that which ingest wrote."""
    split, _, name = file.rpartition("/")
    _compare(file, rows, (written_rows(split) or {}).get(name))


def check_split(split: str, rows: int) -> None:
    """Raises PlumblineError unless the number of rows read from a split's folder or file equals that written."""
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
