"""Progress of a pass over the rows of a split."""

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from components.shared.examples.row_counts import written_rows
from components.shared.progress import report_progress

Batch = TypeVar("Batch", bound=Sized)


def with_progress(batches: Iterable[Batch], split: str, what: str) -> Iterator[Batch]:
    """Yields batches and reports how many rows of the split they were, with an estimate of the time left.

    Args:
      batches: Batches of rows, of arrays or Arrow record batches.
      split: Folder of the split, for its number of rows; if ingest has not written it, no estimate is given.
      what: Name of the pass, such as "train".
    """
    total = sum((written_rows(split) or {}).values())
    done = 0
    for batch in batches:
        done += len(batch)
        report_progress(f"{what}, {done:,}{f' of {total:,}' if total else ''} rows", done, total)
        yield batch
    report_progress("")
