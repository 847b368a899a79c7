"""A sampling profiler: a thread that reads the call stacks at an interval and adds up wall and CPU time.

cProfile would slow down every function call and covers one thread only, while Beam uses several. A sample takes some
20 us, which is 0.2 % of the time at the interval below.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.runners.profiling.stack import Phase, at_work, calls, phase, waits

INTERVAL_S = 0.01


@dataclass
class Cost:
    """Seconds of wall and CPU time; CPU time is that of all threads."""

    wall: float = 0.0
    cpu: float = 0.0

    def add(self, wall: float, cpu: float) -> None:
        """Adds seconds of wall and CPU time."""
        self.wall += wall
        self.cpu += cpu


@dataclass
class ProfileSection:
    """A section of a run.

    Attributes:
      name: Name of the section, such as a node id.
      total: Time of the section.
      phases: Time by phase.
      work: Time by phase and function.
    """

    name: str
    total: Cost = field(default_factory=Cost)
    phases: dict[Phase, Cost] = field(default_factory=dict)
    work: dict[tuple[Phase, str], Cost] = field(default_factory=dict)

    def add(self, during: Phase, who: str, wall: float, cpu: float) -> None:
        """Adds a sample.

        Args:
          during: Phase of the main thread.
          who: Function that was running.
          wall: Seconds of wall time since the last sample.
          cpu: Seconds of CPU time of all threads since the last sample.
        """
        self.total.add(wall, cpu)
        self.phases.setdefault(during, Cost()).add(wall, cpu)
        self.work.setdefault((during, who), Cost()).add(wall, cpu)


class Sampler:
    """Samples the thread that creates it or, while that thread waits, the first other thread that does not wait."""

    def __init__(self, first: str) -> None:
        """Starts with a section named `first`."""
        self.sections = [ProfileSection(first)]
        self._watched = threading.get_ident()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._thread = threading.Thread(target=self._run, name="profile", daemon=True)

    def start(self) -> None:
        """Starts sampling."""
        self._thread.start()

    def stop(self) -> None:
        """Stops sampling, after a last sample."""
        self._stop.set()
        self._thread.join()
        self._sample()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Adds samples to a new section during the block, then to a section with the previous name."""
        before = self.sections[-1].name
        self._turn(name)
        try:
            yield
        finally:
            self._turn(before)

    def _turn(self, name: str) -> None:
        self._sample()
        with self._lock:
            self.sections.append(ProfileSection(name))

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            self._sample()

    def _sample(self) -> None:
        frames = sys._current_frames()
        main = calls(frames.pop(self._watched, None))
        busy = main
        if waits(main):
            frames.pop(threading.get_ident(), None)
            stacks = (calls(frame) for frame in frames.values())
            busy = next((stack for stack in stacks if not waits(stack)), main)
        during, who = phase(main), at_work(busy)
        with self._lock:
            wall, cpu = time.perf_counter(), time.process_time()
            self.sections[-1].add(during, who, wall - self._wall, cpu - self._cpu)
            self._wall, self._cpu = wall, cpu
