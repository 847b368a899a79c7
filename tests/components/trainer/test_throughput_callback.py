"""Rows, seconds and the feed's share of them, with a simulated clock."""

from types import SimpleNamespace

import numpy as np
import pytest

from components.trainer import throughput_callback
from components.trainer.batches import BatchDataset
from components.trainer.network import TrainedNetwork
from components.trainer.throughput_callback import ThroughputCallback
from components.trainer.training_columns import TrainingColumns


@pytest.fixture
def feed() -> BatchDataset:
    """100 rows in batches of 30."""
    return BatchDataset(TrainingColumns({"numeric": np.zeros((100, 1), np.float32)}, np.zeros(100, np.float32)), 30)


@pytest.fixture
def told(feed: BatchDataset, monkeypatch: pytest.MonkeyPatch) -> ThroughputCallback:
    """Two epochs of two calls (two steps each), each with validation."""
    now = 0.0
    monkeypatch.setattr(throughput_callback, "time", SimpleNamespace(monotonic=lambda: now))
    watch = ThroughputCallback(feed)
    for epoch in range(2):
        watch.on_epoch_begin(epoch)
        now, feed.seconds = now + 5, feed.seconds + 4  # the first call builds the graph
        watch.on_train_batch_end(1)
        now, feed.seconds = now + 1, feed.seconds + 0.5
        watch.on_train_batch_end(3)
        watch.on_test_begin()
        now, feed.seconds = now + 100, feed.seconds + 1
        watch.on_epoch_end(epoch)
    return watch


def test_first_call_and_validation_are_not_counted(told: ThroughputCallback) -> None:
    """The rest: 40 rows in 1 s, then 100 in 6 s; the feed gathered for 0.5 s and 4.5 s of them."""
    assert told.examples_per_second == pytest.approx(140 / 7)
    assert told.gathering == pytest.approx(5 / 7)


def test_single_call_is_counted(feed: BatchDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(throughput_callback, "time", SimpleNamespace(monotonic=lambda: now))
    watch = ThroughputCallback(feed)
    watch.on_epoch_begin(0)
    now, feed.seconds = 4.0, 1.0
    watch.on_train_batch_end(3)
    watch.on_epoch_end(0)
    assert watch.examples_per_second == 25
    assert watch.gathering == 0.25


@pytest.mark.parametrize(
    ("gathering", "said"),
    [
        (0.031, "computation (batches were being gathered 3% of the time)"),
        (0.97, "input (batches were being gathered 97% of the time)"),
    ],
)
def test_bottleneck_is_named(gathering: float, said: str) -> None:
    assert TrainedNetwork(None, 1, 1, 1.0, gathering).bound_by == said  # type: ignore[arg-type]
