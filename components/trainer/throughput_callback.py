"""How fast the network learns, and what it waits for, measured while it does."""

import time
from collections.abc import Mapping

import keras

from components.trainer.batches import Feed


class Pace(keras.callbacks.Callback):
    """Counts rows, seconds, and those of them in which the feed worked.

    The clock stands while validation runs. The first call of the compiled loop is left out, since it is mostly building
    the graph, unless there is no second one. It costs two readings of a clock per epoch.
    """

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        self._laps: list[tuple[int, float, float]] = []
        self._began: tuple[int, float, float] | None = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """The clock starts."""
        self._start(0)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """After a call, whose last step is number `batch` of the epoch, from 0."""
        if not self._laps:
            done = min((batch + 1) * self._feed.size, self._feed.rows)
            self._stop(done)
            self._start(done)

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """The epoch's rows are learned; validation begins."""
        self._stop(self._feed.rows)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """The same, where nothing validates."""
        self._stop(self._feed.rows)

    @property
    def examples_per_second(self) -> float:
        """Rows learned from, by the second; a row counts once per epoch."""
        examples, seconds, _ = self._counted()
        return examples / max(seconds, 1e-9)

    @property
    def gathering(self) -> float:
        """Share of the seconds in which the feed worked, 0 to 1."""
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
        """Of all laps but the first, if they have any rows."""
        laps = self._laps[1:] if sum(lap[0] for lap in self._laps[1:]) else self._laps
        return sum(lap[0] for lap in laps), sum(lap[1] for lap in laps), sum(lap[2] for lap in laps)
