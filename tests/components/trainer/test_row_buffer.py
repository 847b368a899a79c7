"""Rows that exceed the memory budget are stored in files and equal the original rows."""

from pathlib import Path

import numpy as np
import pytest

from components.shared.errors import UsageError
from components.trainer.row_buffer import RowBuffer, in_files, joined


def _batches() -> list[dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    return [
        {"numeric": draw.normal(size=(n, 3)).astype(np.float32), "code": draw.integers(0, 9, n).astype(np.int32)}
        for n in (5, 0, 7, 1)
    ]


@pytest.mark.parametrize("budget", [0, 100, 1 << 20])  # from the first batch on, from the second, never
def test_round_trip(tmp_path: Path, budget: int) -> None:
    spool = RowBuffer(budget, str(tmp_path))
    for batch in _batches():
        spool.add(batch)
    found = spool.matrices()
    for name, matrix in found.items():
        expected = np.concatenate([batch[name] for batch in _batches()])
        assert np.array_equal(matrix, expected)
        assert matrix.dtype == expected.dtype
        assert in_files(matrix) == (budget < 208)  # 13 rows of 16 bytes
    assert list(tmp_path.iterdir()) == []  # the files have no name: nothing is left behind, however the process ends


def test_slices_of_files_map_files_and_copies_do_not() -> None:
    spool = RowBuffer(0)
    spool.add({"x": np.arange(10)})
    rows = spool.matrices()["x"]
    assert in_files(rows[2:5])
    assert not in_files(rows[np.array([1, 2])])
    assert not in_files(rows.copy())
    assert not in_files(np.concatenate([rows, rows]))


def test_adjacent_slices_are_joined_without_a_copy() -> None:
    spool = RowBuffer(0)
    spool.add({"x": np.arange(20, dtype=np.float32).reshape(10, 2)})
    for whole in (spool.matrices()["x"], np.arange(20, dtype=np.float32).reshape(10, 2)):
        again = joined(whole[1:4], whole[4:9])
        assert np.array_equal(again, whole[1:9])
        assert np.shares_memory(again, whole)
        assert in_files(again) == in_files(whole)
        for first, second in ((whole[:3], whole[4:]), (whole[4:], whole[:4]), (whole[:4], whole[4:].copy())):
            apart = joined(first, second)
            assert np.array_equal(apart, np.concatenate([first, second]))
            assert not np.shares_memory(apart, whole)
    labels = np.arange(6)
    assert np.array_equal(joined(labels[:2], labels[2:]), labels)
    every_other = np.arange(12)[::2]
    assert np.array_equal(joined(every_other[:3], every_other[3:]), every_other)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_gives_a_one_line_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda dir: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(UsageError, match=r"no space for the transformed rows.*No space left.*choose another --root"):
        RowBuffer(0, str(tmp_path)).add({"x": np.zeros(1 << 16)})


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no space for the transformed rows.*TMPDIR"):
        RowBuffer(0, str(tmp_path / "gone")).add({"x": np.zeros(4)})
