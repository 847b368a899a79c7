"""Micro-batches: requests that wait for the model are answered by one call of it.

Nothing waits for a batch to fill. Requests that arrive while the model computes are queued, and the next call takes all
of them that fit together: the same loaded version, signature, types and shapes. So a lone request has no delay, and
the batches grow with the load. Requests of many rows are computed by a thread of their own, so that they do not delay
single rows.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from serving.errors import ServingError, Status
from serving.rest.predict_request import PredictRequest, batched

Arrays = Mapping[str, np.ndarray]


class Runnable(Protocol):
    """What the batcher needs of a loaded model."""

    def run(self, signature: str, inputs: Arrays) -> Arrays:
        """Computes the outputs of a batch; thread-safe."""


@dataclass(eq=False)
class Job:
    """One request that waits for the model.

    Attributes:
      model: The loaded version.
      request: The request: its `signature`, `inputs` and `rows`; a PredictRequest, whose arrays are made together with
        those of the batch, or another one with arrays.
      deadline: time.monotonic() after which nobody waits for the answer.
      context: What the caller needs to answer; not read here.
      group: Jobs of different groups are not computed in one call.
      error: Why there are no outputs, after the computation.
    """

    model: Runnable
    request: Any
    deadline: float
    context: Any = None
    group: str = ""
    error: ServingError | None = field(default=None, init=False)

    @property
    def rows(self) -> int | None:
        """Rows of the request; None if its inputs have no first dimension in common: it is computed by itself."""
        rows: int | None = self.request.rows
        return rows

    def key(self) -> tuple[Any, ...]:
        """Jobs with an equal key can be computed in one call."""
        if self.rows is None:
            return (id(self),)
        if isinstance(self.request, PredictRequest):
            return (id(self.model), self.group, self.request.batch_key)
        kinds = tuple((name, one.dtype, one.shape[1:]) for name, one in self.request.inputs.items())
        return (id(self.model), self.group, self.request.signature, kinds)


@dataclass(frozen=True)
class Batch:
    """Jobs that were computed in one call.

    Attributes:
      jobs: The jobs. All of them have an error, or none has.
      inputs: Inputs of all jobs, concatenated.
      outputs: Outputs of the call; empty if the jobs have an error. The outputs of several jobs have the rows of the
        jobs, one after the other; those of a single job may have any shape.
    """

    jobs: Sequence[Job]
    inputs: Arrays = field(default_factory=dict)
    outputs: Arrays = field(default_factory=dict)


class Batcher:
    """Computes jobs in threads."""

    def __init__(self, deliver: Callable[[list[Batch]], None], rows: int = 256) -> None:
        """Starts the threads.

        Args:
          deliver: Called in a thread of the batcher with computed batches; must not raise.
          rows: Most rows of a batch of several jobs; jobs with more rows have a thread of their own.
        """
        self._deliver, self._rows = deliver, rows
        self._small, self._large = _Lane("model", self._compute), _Lane("model, large requests", self._compute)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queues jobs."""
        large = [job for job in jobs if job.rows is None or job.rows > self._rows]
        if not large:
            self._small.add(jobs)
            return
        self._large.add(large)
        if small := [job for job in jobs if job.rows is not None and job.rows <= self._rows]:
            self._small.add(small)

    @property
    def queued(self) -> int:
        """Jobs that are not being computed yet."""
        return self._small.queued + self._large.queued

    def stop(self) -> None:
        """Ends the threads after the queued jobs."""
        self._small.stop()
        self._large.stop()

    def _compute(self, jobs: list[Job]) -> None:
        batches = self._grouped(jobs)
        # In the order of arrival the arm with more requests would nearly always be first, and a canary be found slower
        # than an equal live version, because its requests waited for the live batch.
        random.shuffle(batches)
        for batch in batches:
            self._deliver(_computed(batch))

    def _grouped(self, jobs: list[Job]) -> list[list[Job]]:
        """Divides jobs into batches of at most `rows` rows."""
        groups: dict[tuple[Any, ...], list[list[Job]]] = {}
        sizes: dict[tuple[Any, ...], int] = {}
        for job in jobs:
            key, rows = job.key(), job.rows or 0
            if key not in groups or sizes[key] + rows > self._rows:
                groups.setdefault(key, []).append([])
                sizes[key] = 0
            groups[key][-1].append(job)
            sizes[key] += rows
        return [batch for batches in groups.values() for batch in batches]


def _computed(jobs: list[Job]) -> list[Batch]:
    now = time.monotonic()
    if late := [job for job in jobs if job.deadline < now]:
        expired = _failed(late, ServingError(Status.DEADLINE_EXCEEDED, "the request was not answered in time"))
        alive = [job for job in jobs if job.deadline >= now]
        return [expired, *_computed(alive)] if alive else [expired]
    inputs: Arrays | None = None
    try:
        inputs = _inputs(jobs)
        outputs = jobs[0].model.run(jobs[0].request.signature, inputs)
    except ServingError as error:
        return [_failed(jobs, error, inputs)] if len(jobs) == 1 else _separately(jobs)
    except Exception as error:  # a defect of the graph; it fails this request, not the server
        return [_failed(jobs, ServingError(Status.INTERNAL, f"the model failed: {_line(error)}"), inputs)]
    if len(jobs) > 1:
        rows = sum(job.rows or 0 for job in jobs)
        if any(one.ndim == 0 or len(one) != rows for one in outputs.values()):
            return _separately(jobs)
    return [Batch(jobs, inputs, outputs)]


def _inputs(jobs: list[Job]) -> Arrays:
    """The inputs of all jobs together."""
    requests = [job.request for job in jobs]
    first: Arrays
    if len(jobs) == 1:
        first = requests[0].inputs
        return first
    if isinstance(requests[0], PredictRequest):
        return batched(requests)
    return {name: np.concatenate([one.inputs[name] for one in requests]) for name in requests[0].inputs}


def _separately(jobs: list[Job]) -> list[Batch]:
    """Computes jobs one by one: a value of one of them fails the whole call, or the outputs are not by row."""
    return [batch for job in jobs for batch in _computed([job])]


def _failed(jobs: list[Job], error: ServingError, inputs: Arrays | None = None) -> Batch:
    for job in jobs:
        job.error = error
    return Batch(jobs, inputs or {})


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


class _Lane:
    """A thread that computes what is queued, all of it at a time."""

    def __init__(self, name: str, compute: Callable[[list[Job]], None]) -> None:
        self._compute = compute
        self._jobs: list[Job] = []
        self._changed = threading.Condition(threading.Lock())
        self._ended = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def add(self, jobs: Sequence[Job]) -> None:
        with self._changed:
            self._jobs.extend(jobs)
            self._changed.notify()

    @property
    def queued(self) -> int:
        return len(self._jobs)

    def stop(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._ended:
                    self._changed.wait()
                jobs, self._jobs = self._jobs, []
            if not jobs:
                return
            self._compute(jobs)
