"""Writes scikit-learn's 1,797 handwritten digits as PNG files, a folder per class, in consecutive spans.

    python -m data.digits [--out data/digits] [--spans 3]    ``span-01/0/0001.png`` to ``span-03/8/1797.png``
    python -m data.digits --sample DIR [--rows 100]          only the first digits of each span

The images are those of ``sklearn.datasets.load_digits``, which are installed with scikit-learn; see data/README.md.
"""

import argparse
import dataclasses
import itertools
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from components.shared.errors import UsageError
from components.shared.file_lock import locked
from data.image_files import encode_png, folder_digest, replace_folder
from data.span_manifest import check_owner, code_digest, read_manifest, span_name, span_numbers, write_manifest

SPANS = 3
SAMPLE_ROWS = 100
MADE_BY = "data.digits"
GREY_LEVELS = 16
"""The source counts the black ones of 4 x 4 binary pixels: 0 to 16."""


@dataclasses.dataclass(frozen=True)
class SpanRecord:
    """An entry of spans.json; the digest is that of ``data.image_files.folder_digest``, in hexadecimal."""

    span: int
    rows: int
    bytes: int
    sha256: str


def load_pixels() -> tuple[np.ndarray, np.ndarray]:
    """Returns the digits in the order of the data set.

    Returns:
      Pixels (1797, 8, 8), uint8, 0 is paper and 255 is ink; and labels (1797,), 0 to 9.
    """
    source = load_digits()
    return to_grey(source.images), source.target


def to_grey(values: np.ndarray) -> np.ndarray:
    """Scales 0 to 16 to 0 to 255, rounded, as uint8; ``from_grey`` recovers every value."""
    return np.rint(values * (255 / GREY_LEVELS)).astype(np.uint8)


def from_grey(pixels: np.ndarray) -> np.ndarray:
    """Scales 0 to 255 back to 0 to 16, rounded."""
    return np.rint(pixels * (GREY_LEVELS / 255)).astype(np.uint8)


def span_bounds(rows: int, spans: int) -> list[tuple[int, int]]:
    """Returns first row and end of consecutive spans of nearly equal length: (0, 599), (599, 1198), (1198, 1797)."""
    ends = [rows * span // spans for span in range(spans + 1)]
    return list(itertools.pairwise(ends))


def write_spans(out: Path, spans: int = SPANS, most: int | None = None) -> tuple[list[SpanRecord], bool]:
    """Writes every span and spans.json to ``out``, unless they exist unchanged.

    Args:
      out: The folder of the spans.
      spans: The number of spans, 1 to 99.
      most: At most so many digits of each span, its first; None is all.

    Returns:
      The records of the spans, and whether files were written.

    Raises:
      UsageError: The folder holds spans of something else.
      OSError: The folder cannot be written.
    """
    origin: dict[str, object] = {"made_by": MADE_BY, "most": most, "code_sha256": code_digest("digits", "image_files")}
    with locked(out / ".lock"):
        check_owner(out, MADE_BY)
        kept = _current_records(out, origin, spans)
        if kept is not None:
            return kept, False
        write_manifest(out, origin, [])  # without spans: an interrupted call is repeated
        for span in span_numbers(out):
            shutil.rmtree(out / span_name(span))
        pixels, labels = load_pixels()
        records = []
        for span, (first, end) in enumerate(span_bounds(len(labels), spans), start=1):
            end = end if most is None else min(end, first + most)
            folder = out / span_name(span)
            replace_folder(folder, _files(pixels, labels, range(first, end)))
            rows, size, digest = folder_digest(folder)
            records.append(SpanRecord(span, rows, size, digest))
        write_manifest(out, origin, [dataclasses.asdict(record) for record in records])
        return records, True


def _files(pixels: np.ndarray, labels: np.ndarray, rows: range) -> Iterator[tuple[str, bytes]]:
    for row in rows:  # numbered from 1, in the order of the data set
        yield f"{labels[row]}/{row + 1:04d}.png", encode_png(pixels[row])


def _current_records(out: Path, origin: dict[str, object], spans: int) -> list[SpanRecord] | None:
    """The records in spans.json if they have this origin and every folder matches, else None."""
    manifest = read_manifest(out)
    try:
        records = [SpanRecord(**entry) for entry in manifest.pop("spans")]
        if manifest != origin or [record.span for record in records] != list(range(1, spans + 1)):
            return None
        return records if all(_matches(out, record) for record in records) else None
    except (OSError, KeyError, TypeError):
        return None  # a file is missing, or the manifest has another format: the spans are written again


def _matches(out: Path, record: SpanRecord) -> bool:
    return folder_digest(out / span_name(record.span)) == (record.rows, record.bytes, record.sha256)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; messages go to stderr.

    Args:
      arguments: Command-line arguments; None is those of this process.

    Returns:
      0 on success, 2 if the folder cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m data.digits", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/digits"), help="folder of the spans (%(default)s)")
    parser.add_argument("--spans", type=int, default=SPANS, metavar="N", help="number of spans (%(default)s)")
    parser.add_argument("--sample", type=Path, metavar="DIR", help="write only the first digits of each span, to DIR")
    parser.add_argument(
        "--rows", type=int, default=SAMPLE_ROWS, metavar="N", help="digits per sampled span (%(default)s)"
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.spans <= 99:
        parser.error(f"--spans {options.spans}: give 1 to 99")
    if options.rows < 1:
        parser.error(f"--rows {options.rows}: give at least 1")
    start = time.perf_counter()
    out, most = (options.sample, options.rows) if options.sample else (options.out, None)
    try:
        records, written = write_spans(out, options.spans, most)
    except UsageError as exc:
        print(f"digits: {exc}", file=sys.stderr)
        return 2
    except OSError as exc:
        print(f"digits: cannot write {exc.filename}: {exc.strerror}; choose another folder", file=sys.stderr)
        return 2
    state = "" if written else " (they exist, nothing written)"
    digits = f"{sum(record.rows for record in records):,} digits in {len(records)} spans in {out}"
    print(f"digits: {digits}{state}, {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
