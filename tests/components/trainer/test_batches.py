"""Batches hold every row once per epoch, in an order that depends on the seed, from memory and from files."""

from collections import Counter

import numpy as np
import pytest

from components.trainer import batches as batching
from components.trainer.batches import BatchDataset
from components.trainer.row_buffer import RowBuffer, in_files
from components.trainer.training_columns import TrainingColumns


def _columns(rows: int, on_disk: bool = False) -> TrainingColumns:
    """Row i holds i in every matrix, so that mixed-up rows are detected."""
    number = np.arange(rows)
    features = {"code": np.stack([number, number], 1).astype(np.int32), "numeric": number[:, None].astype(np.float32)}
    if on_disk:
        spool = RowBuffer(budget=0)
        spool.add(features)
        features = spool.matrices()
    return TrainingColumns(features, number.astype(np.float32))


def _epoch(one: BatchDataset) -> list[np.ndarray]:
    """Returns the row numbers of each batch; fails if its matrices do not belong together."""
    batches = []
    for features, labels, *weights in one.dataset().as_numpy_iterator():
        assert np.array_equal(features["code"], np.stack([labels, labels], 1))
        assert np.array_equal(features["numeric"][:, 0], labels)
        for weight in weights:
            assert np.array_equal(weight, labels / 2)
        batches.append(labels.astype(int))
    return batches


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    ("rows", "size"),
    [(1, 4), (4, 4), (10, 4), (8192 * 2 + 5, 512), (9000, 9000), (9000, 8999)],  # of one chunk, and of several
)
def test_every_row_once(rows: int, size: int, on_disk: bool) -> None:
    columns = _columns(rows, on_disk)
    for seed in (None, 7):
        one = BatchDataset(columns, size, seed, weights=columns.labels / 2)
        batches = _epoch(one)
        assert [len(batch) for batch in batches] == [size] * (rows // size) + ([rows % size] if rows % size else [])
        assert len(one.dataset()) == len(batches)
        order = np.concatenate(batches)
        assert np.array_equal(np.sort(order), np.arange(rows))
        assert seed is not None or np.array_equal(order, np.arange(rows))


@pytest.mark.parametrize("on_disk", [False, True])
def test_order_depends_on_seed_and_epoch(on_disk: bool) -> None:
    columns = _columns(3000, on_disk)
    first, again, other = BatchDataset(columns, 1000, 7), BatchDataset(columns, 1000, 7), BatchDataset(columns, 1000, 8)
    orders = [np.concatenate(_epoch(one)) for one in (first, first, again, again, other)]
    assert np.array_equal(orders[0], orders[2])
    assert np.array_equal(orders[1], orders[3])
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[4])


def test_rows_of_files_are_mixed_and_few_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 blocks of 16 rows, 16 blocks in the pool: a batch of 128 has rows of most blocks of its pool."""
    monkeypatch.setattr(batching, "BLOCK_ROWS", 16)
    monkeypatch.setattr(batching, "CHUNK_ROWS", 128)
    columns = _columns(1024, on_disk=True)
    assert in_files(columns.features["code"])
    one = BatchDataset(columns, 128, seed=3, pool=256)
    batches = _epoch(one)
    assert sorted(np.concatenate(batches)) == list(range(1024))
    for number, batch in enumerate(batches):
        blocks = Counter(batch // 16)
        assert len(blocks) > 12
        assert max(blocks.values()) < 16  # no block in one piece
        # Only the blocks of the pools so far: 16 for the first two batches, 32 for the next.
        assert len(set(np.concatenate(batches[: number + 1]) // 16)) <= 16 * (number // 2 + 1)


def test_gathering_is_timed() -> None:
    one = BatchDataset(_columns(20_000), 1000, seed=1)
    assert one.seconds == 0
    _epoch(one)
    assert one.seconds > 0
