"""A difference between the rows read and the rows written by ingest is an error."""

import json
from pathlib import Path

import numpy as np
import pytest

from components.shared.errors import PlumblineError
from components.shared.examples.row_counts import FILE, check_files, check_rows, check_split, rows_text, written_rows


@pytest.fixture
def split(tmp_path: Path) -> str:
    folder = tmp_path / "Split-train"
    folder.mkdir()
    (tmp_path / FILE).write_text(
        rows_text([(f"{folder}/a.gz", 3), (f"{folder}/b.gz", 2), (f"{tmp_path}/Split-eval/a.gz", 1)])
    )
    return str(folder)


def test_row_counts_are_found_by_split_and_file(split):
    assert written_rows(split) == {"a.gz": 3, "b.gz": 2}
    check_files(split, ["b.gz", f"{split}/a.gz"])
    check_rows(f"{split}/a.gz", 3)
    check_split(split, 5)
    check_split(f"{split}/b.gz", 2)


def test_differences_raise_errors(split):
    with pytest.raises(PlumblineError, match="b.gz: is missing; run again with --verify"):
        check_files(split, ["a.gz"])
    with pytest.raises(PlumblineError, match="old.gz: was not written by ingest"):
        check_files(split, ["a.gz", "b.gz", "old.gz"])
    with pytest.raises(PlumblineError, match="a.gz: 2 rows were read, ingest wrote 3"):
        check_rows(f"{split}/a.gz", 2)
    with pytest.raises(PlumblineError, match="Split-train: 1,000 rows were read, ingest wrote 5"):
        check_split(split, 1000)


@pytest.mark.parametrize("text", [None, "", "[]", '{"rows": {"Split-train": {"a.gz": "3"}}}', '{"rows": {}}'])
def test_nothing_is_compared_without_row_counts(split, text):
    file = Path(split).parent / FILE
    file.unlink() if text is None else file.write_text(text)
    assert written_rows(split) is None
    check_files(split, [])
    check_rows(f"{split}/a.gz", 7)
    check_split(split, 7)


def test_readers_detect_a_missing_file_and_a_truncated_one(tmp_path):
    import pyarrow as pa

    from components.arrow_example_gen.example_encoding import write_examples
    from components.shared.examples.example_reading import example_batches

    folder = tmp_path / "Split-train"
    folder.mkdir()
    batch = pa.record_batch({"x": np.arange(4)})
    written = [(str(folder / name), write_examples([batch], str(folder / name), True)) for name in ("a.gz", "b.gz")]
    (tmp_path / FILE).write_text(rows_text(written))
    assert sum(one.num_rows for one in example_batches(str(folder))) == 8
    (tmp_path / FILE).write_text(json.dumps({"rows": {"Split-train": {"a.gz": 4, "b.gz": 5}}}))
    with pytest.raises(PlumblineError, match="b.gz: 4 rows were read, ingest wrote 5"):
        list(example_batches(str(folder)))
    (folder / "b.gz").unlink()
    with pytest.raises(PlumblineError, match="b.gz: is missing"):
        list(example_batches(str(folder)))
