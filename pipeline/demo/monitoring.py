"""The monitor of the demo: `plumbline monitor` as a process; what it found is read from its store."""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timezone

from components.shared.errors import PlumblineError
from monitor.incident import Incident
from monitor.retraining.record import Retraining, retrainings
from monitor.store import FILE, MonitorStore
from pipeline.demo.commands import Process
from pipeline.demo.demo import Demo
from pipeline.demo.plan import DATASET

MEASURES_WITHIN = 1800.0
"""Seconds that the monitor has to measure the windows that have ended."""


class Monitor:
    """A running monitor."""

    def __init__(self, demo: Demo) -> None:
        """Starts it; the request log has to exist."""
        self._folder = demo.project.home / "monitor"
        self._process: Process = demo.commands.start("monitor", "--dataset", DATASET)
        demo.stack.callback(self._process.end)

    def measured(self) -> datetime:
        """End of the newest window that has been measured."""
        store = self._opened()
        if store is None:
            return datetime.min.replace(tzinfo=timezone.utc)
        with closing(store):
            windows = store.windows(last=1)
        return windows[-1].end if windows else datetime.min.replace(tzinfo=timezone.utc)

    def incidents(self) -> list[Incident]:
        """All incidents, oldest first."""
        store = self._opened()
        if store is None:
            return []
        with closing(store):
            return store.incidents()

    def retrainings(self) -> list[Retraining]:
        """All retrainings, oldest first."""
        store = self._opened()
        if store is None:
            return []
        with closing(store):
            return retrainings(store)

    def wait_for_window(self, end: date) -> None:
        """Waits until the window that ends when a day (UTC) begins has been measured.

        Raises:
          PlumblineError: The monitor ended, or takes too long.
        """
        midnight = datetime(end.year, end.month, end.day, tzinfo=timezone.utc)
        self.wait(
            lambda: self.measured() >= midnight, MEASURES_WITHIN, f"measured the window that ends {midnight:%d %B}"
        )

    def wait(self, until: Callable[[], bool], seconds: float, what: str) -> None:
        """Waits for something; `what` completes "the monitor has not ..." if it takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not until():
            if self._process.ended:
                code = self._process.wait()
                raise PlumblineError(f"`plumbline monitor` ended with exit code {code}: {self._process.last_words}")
            if time.monotonic() > deadline:
                raise PlumblineError(f"the monitor has not {what} after {seconds:.0f} s: {self._process.last_words}")
            time.sleep(0.2)

    def _opened(self) -> MonitorStore | None:
        return MonitorStore(self._folder, read_only=True) if (self._folder / FILE).exists() else None
