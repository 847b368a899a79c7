"""Micro-batches, with models that are functions of their rows."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.stats import binom

from serving.batching import Batch, Batcher, Job
from serving.errors import ServingError, Status, invalid

FOREVER = float("inf")


@dataclass
class Request:
    """A request with arrays, as classify and infer requests have them."""

    inputs: dict[str, np.ndarray]
    rows: int | None
    signature: str = "serving_default"


@dataclass
class Doubling:
    """Doubles x; refuses a negative one. `gate` holds the first call back, so that requests are queued meanwhile."""

    gate: threading.Event | None = None
    calls: list[int] = field(default_factory=list)

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.gate is not None:
            assert self.gate.wait(30)
        self.calls.append(len(inputs["x"]))
        if (inputs["x"] < 0).any():
            raise invalid("x: negative")
        return {"y": 2 * inputs["x"]}


def request(*values: float, shape: tuple[int, ...] = ()) -> Request:
    return Request({"x": np.array(values, np.float32).reshape(len(values), *shape)}, len(values))


class Delivered:
    """Collects batches; `wait` returns the jobs with their outputs in the order of their contexts."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.jobs = 0
        self.changed = threading.Condition()

    def __call__(self, batches: list[Batch]) -> None:
        with self.changed:
            self.batches += batches
            self.jobs += sum(len(one.jobs) for one in batches)
            self.changed.notify()

    def until(self, jobs: int) -> None:
        """Waits until so many jobs are computed."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.jobs == jobs, 30)

    def wait(self, jobs: int) -> dict[object, list[float] | ServingError]:
        self.until(jobs)
        found: dict[object, list[float] | ServingError] = {}
        for batch in self.batches:
            first = 0
            for job in batch.jobs:
                rows = job.rows or 0
                found[job.context] = job.error or batch.outputs["y"][first : first + rows].reshape(-1).tolist()
                first += rows
        return found


@pytest.fixture
def delivered() -> Delivered:
    return Delivered()


def test_what_arrives_during_a_call_is_computed_by_the_next_one(delivered: Delivered) -> None:
    gate = threading.Event()
    model, batcher = Doubling(gate), Batcher(delivered)
    batcher.submit([Job(model, request(1.0), FOREVER, 0)])
    while batcher.queued:
        time.sleep(0.001)
    batcher.submit([Job(model, request(float(number), number + 0.5), FOREVER, number) for number in range(1, 6)])
    gate.set()
    found = delivered.wait(6)
    batcher.stop()
    assert model.calls == [1, 10]
    assert found == {0: [2.0], **{number: [2.0 * number, 2.0 * number + 1] for number in range(1, 6)}}


def test_batches_have_one_model_one_shape_and_at_most_the_rows(delivered: Delivered) -> None:
    gate = threading.Event()
    gate.set()
    one, other, batcher = Doubling(gate), Doubling(gate), Batcher(delivered, rows=4)
    jobs = [Job(one, request(1.0, 2.0), FOREVER, ("one", number)) for number in range(5)]
    jobs += [Job(other, request(3.0), FOREVER, ("other", number)) for number in range(2)]
    jobs += [Job(one, request(4.0, shape=(1,)), FOREVER, "column")]
    batcher.submit(jobs)
    found = delivered.wait(8)
    batcher.stop()
    assert sorted(one.calls) == [1, 2, 4, 4]
    assert other.calls == [2]
    assert found["column"] == [8.0]
    assert found["one", 4] == [2.0, 4.0]


def test_refused_rows_fail_their_own_request_only(delivered: Delivered) -> None:
    model, batcher = Doubling(), Batcher(delivered)
    batcher.submit([Job(model, request(float(x)), FOREVER, x) for x in (1, -1, 3)])
    found = delivered.wait(3)
    batcher.stop()
    assert (found[1], found[3]) == ([2.0], [6.0])
    error = found[-1]
    assert isinstance(error, ServingError)
    assert error.message == "x: negative"


def test_late_requests_are_not_computed(delivered: Delivered) -> None:
    model, batcher = Doubling(), Batcher(delivered)
    batcher.submit(
        [Job(model, request(1.0), time.monotonic() - 1, "late"), Job(model, request(2.0), FOREVER, "in time")]
    )
    found = delivered.wait(2)
    batcher.stop()
    assert found["in time"] == [4.0]
    error = found["late"]
    assert isinstance(error, ServingError)
    assert error.status is Status.DEADLINE_EXCEEDED
    assert model.calls == [1]


def test_request_of_many_rows_does_not_delay_others(delivered: Delivered) -> None:
    gate = threading.Event()
    slow, quick, batcher = Doubling(gate), Doubling(), Batcher(delivered, rows=8)
    batcher.submit([Job(slow, request(*map(float, range(9))), FOREVER, "many")])
    batcher.submit([Job(quick, request(1.0), FOREVER, "one")])
    assert delivered.wait(1) == {"one": [2.0]}  # while the other call is held back
    gate.set()
    assert delivered.wait(2)["many"] == [2.0 * x for x in range(9)]
    batcher.stop()


def test_defect_of_a_model_is_an_internal_error_of_its_requests(delivered: Delivered) -> None:
    class Broken:
        def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            raise RuntimeError("no\nmemory")

    batcher = Batcher(delivered)
    batcher.submit([Job(Broken(), request(1.0), FOREVER, "broken"), Job(Doubling(), request(1.0), FOREVER, "good")])
    found = delivered.wait(2)
    batcher.stop()
    error = found["broken"]
    assert isinstance(error, ServingError)
    assert (error.status, error.message) == (Status.INTERNAL, "the model failed: RuntimeError: no memory")
    assert found["good"] == [2.0]


def test_no_arm_is_computed_before_the_other_more_often(delivered: Delivered) -> None:
    """Else the smaller arm waits for the larger one, and an equal canary has a higher latency."""
    live, canary, batcher, rounds = Doubling(), Doubling(), Batcher(delivered), 2000
    for number in range(rounds):
        jobs = [Job(live, request(1.0), FOREVER, ("live", number, place)) for place in range(3)]
        batcher.submit([*jobs, Job(canary, request(1.0), FOREVER, ("canary", number, 0))])
        delivered.until(4 * (number + 1))
    batcher.stop()
    order: dict[int, list[str]] = {}
    for batch in delivered.batches:
        arm, number, _ = batch.jobs[0].context
        order.setdefault(number, []).append(arm)
    first = Counter(arms[0] for arms in order.values())
    low, high = binom.interval(0.9999, rounds, 0.5)
    assert low <= first["canary"] <= high
