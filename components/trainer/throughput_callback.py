"""A Keras callback that measures training throughput and the share of time spent gathering batches."""

import time
from collections.abc import Mapping

import keras

from components.trainer.batches import BatchDataset


class ThroughputCallback(keras.callbacks.Callback):
    """Counts the rows trained on, the seconds spent, and the seconds in which the feed gathered batches.

    Validation is not counted. Nor is the first call of the compiled loop, which mostly builds the graph, unless it is
    the only one. The cost is two clock readings per epoch.
    """

    def __init__(self, feed: BatchDataset) -> None:
        super().__init__()
        self._feed = feed
        self._laps: list[tuple[int, float, float]] = []
        self._began: tuple[int, float, float] | None = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Starts the clock."""
        self._start(0)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Leaves out the first call of the compiled loop; its last step is number `batch` of the epoch, from 0."""
        if not self._laps:
            done = min((batch + 1) * self._feed.size, self._feed.rows)
            self._stop(done)
            self._start(done)

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Stops the clock before validation."""
        self._stop(self._feed.rows)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stops the clock at the end of an epoch without validation."""
        self._stop(self._feed.rows)

    @property
    def examples_per_second(self) -> float:
        """Training throughput in rows per second; a row counts once per epoch."""
        examples, seconds, _ = self._counted()
        return examples / max(seconds, 1e-9)

    @property
    def gathering(self) -> float:
        """Share of the seconds in which the feed gathered batches, in [0, 1]."""
        _, seconds, gathering = self._counted()
        return min(gathering / max(seconds, 1e-9), 1.0)

    def _start(self, done: int) -> None:
        self._began = (done, time.monotonic(), self._feed.seconds)

    def _stop(self, done: int) -> None:
        if self._began is not None:
            before, began, fed = self._began
            self._laps.append((done - before, time.monotonic() - began, self._feed.seconds - fed))
            self._began = None

    def _counted(self) -> tuple[int, float, float]:
        """Sums over all laps except the first, if the others have any rows."""
        laps = self._laps[1:] if sum(lap[0] for lap in self._laps[1:]) else self._laps
        return sum(lap[0] for lap in laps), sum(lap[1] for lap in laps), sum(lap[2] for lap in laps)
