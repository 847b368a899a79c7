"""Progress of a pass over a split: rows, and their total where ingest wrote it."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from components.shared.examples.reading_progress import with_progress
from components.shared.examples.row_counts import FILE, rows_text
from components.shared.progress import latest_progress


def test_rows_of_the_total(tmp_path: Path):
    (tmp_path / FILE).write_text(rows_text([("x/Split-train/a.gz", 1000), ("x/Split-train/b.gz", 500)]))
    seen = []
    batches = [np.zeros(1000), np.zeros(500)]
    for batch in with_progress(batches, str(tmp_path / "Split-train"), "train"):
        seen.append((len(batch), latest_progress()))
    assert seen == [(1000, "train, 1,000 of 1,500 rows"), (500, "train, 1,500 of 1,500 rows")]
    assert latest_progress() == ""


def test_a_split_that_ingest_did_not_write(tmp_path: Path):
    batch = pa.record_batch({"a": [1, 2, 3]})
    for same in with_progress([batch], str(tmp_path / "Split-eval"), "eval"):
        assert same is batch and latest_progress() == "eval, 3 rows"
