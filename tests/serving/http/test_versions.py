"""A server follows its registry: swaps, canaries, rollbacks. No request fails; every answer names its version."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from scipy.stats import binom

from components.registry.registry import Registry
from tests.serving.http.running import Server, ask, logged, wait_for
from tests.serving.models.saved_models import push

pytestmark = pytest.mark.slow


@contextmanager
def load(server: Server, threads: int = 6) -> Iterator[Callable[[], list[tuple[str, str]]]]:
    """Sends requests on keep-alive connections; yields a function that returns (version, factor) of each answer."""
    found: list[tuple[str, str]] = []
    wrong: list[object] = []
    ended = threading.Event()

    def send() -> None:
        connection = server.connection()
        while not ended.is_set():
            try:
                answer = ask(connection, "POST", "/v1/models/flights:predict", {"instances": [{"x": 2.0}]}, None)
                row = answer.json()["predictions"][0]
                found.append((answer.headers["x-model-version"], row["factor"]))
                if row["y"] != 2.0 * float(row["factor"]):
                    wrong.append(row)
            except Exception as error:
                wrong.append(error)
                return

    running = [threading.Thread(target=send) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield lambda: list(found)
    finally:
        ended.set()
        for thread in running:
            thread.join()
    assert not wrong
    assert found


def test_100_swaps_under_load(start: Callable[..., Server], models: dict[float, Path]) -> None:
    server = start("--workers", "2", settings="[serving]\npoll_seconds = 0.05\n")
    registry = Registry(server.root / "registry")
    with load(server) as answers:
        push(registry, models[2.0])
        wait_for(lambda: ("2", "2") in answers(), 120)
        for swap in range(100):
            registry.promote(1 + swap % 2)
            expected, before = str(1 + swap % 2), len(answers())
            wait_for(lambda expected=expected, before=before: any(one[0] == expected for one in answers()[before:]), 60)
        found = Counter(answers())
    # Version 1 multiplies by 1, version 2 by 2: no answer comes from another version than the one it names.
    assert set(found) == {("1", "1"), ("2", "2")}


def test_canary_share_and_stickiness(start: Callable[..., Server], models: dict[float, Path]) -> None:
    server = start("--workers", "2", settings="[serving]\npoll_seconds = 0.1\n")
    registry = Registry(server.root / "registry")
    push(registry, models[2.0])
    registry.promote(1)
    registry.start_canary(2, 0.25)
    connections = [server.connection() for _ in range(10)]  # to both workers, which load the canary one after the other

    def is_loaded(one: HTTPConnection) -> bool:
        rows = {"instances": [{"x": 1}]}
        answers = [ask(one, "POST", "/v1/models/flights:predict", rows) for _ in range(40)]
        return any(answer.headers["x-model-label"] == "canary" for answer in answers)

    wait_for(lambda: all(map(is_loaded, connections)), 120)
    connection = connections[0]
    number = 3000
    versions = {}
    for key in range(number):
        answer = ask(
            connection,
            "POST",
            "/v1/models/flights:predict",
            {"instances": [{"x": 1}]},
            {"X-Request-Key": f"customer {key}"},
        )
        versions[key] = answer.headers["x-model-version"]
    share = sum(version == "2" for version in versions.values())
    low, high = binom.interval(0.999, number, 0.25)
    assert low <= share <= high
    again = server.connection()  # another connection, perhaps another worker
    for key in range(0, number, 20):
        answer = ask(
            again, "POST", "/v1/models/flights:predict", {"instances": [{"x": 1}]}, {"X-Request-Key": f"customer {key}"}
        )
        assert answer.headers["x-model-version"] == versions[key]
    registry.rollback()
    wait_for(lambda: all(server.predict(1.0).headers["x-model-version"] == "1" for _ in range(30)), 30)


def test_damaged_version_is_reported_and_the_old_one_goes_on(
    start: Callable[..., Server], models: dict[float, Path]
) -> None:
    server = start(settings="[serving]\npoll_seconds = 0.1\n")
    registry = Registry(server.root / "registry")
    with load(server, threads=2) as answers:
        version = push(registry, models[3.0])
        registry.promote(1)
        graph = server.root / "registry" / str(version) / "saved_model.pb"
        content = bytearray(graph.read_bytes())
        content[len(content) // 2] ^= 1
        graph.chmod(0o644)
        graph.write_bytes(content)
        registry.promote(version)

        def reported() -> bool:
            states = server.ask("GET", "/v1/models/flights").json()["model_version_status"]
            return any(one["version"] == str(version) and one["status"]["error_code"] != "OK" for one in states)

        wait_for(reported, 60)
        count = len(answers())
        wait_for(lambda: len(answers()) > count + 50)
    assert set(answers()) <= {("1", "1"), (str(version), "3")}
    assert answers()[-1] == ("1", "1")
    assert any("saved_model.pb" in line for line in server.said)
    assert hashlib.sha256(content).hexdigest() != registry.manifest(version)["files"]["saved_model.pb"]


def test_shadow_is_logged_and_never_answers(start: Callable[..., Server], models: dict[float, Path]) -> None:
    server = start(settings="[serving]\npoll_seconds = 0.1\n")
    registry = Registry(server.root / "registry")
    push(registry, models[2.0])
    registry.promote(1)
    registry.start_shadow(2)
    wait_for(
        lambda: b'plumbline_model_version{model="flights",role="shadow"} 2.0' in server.ask("GET", "/metrics").body
    )
    for number in range(50):
        answer = server.predict(float(number), {"X-Request-Id": f"r{number}"})
        assert answer.headers["x-model-version"] == "1"
    assert server.end() == 143
    sql = "select request_id, label, version, feature_x, output_y from requests where request_id like 'r%'"
    found = logged(server, sql)
    rows = {(row["request_id"], row["label"]): row for row in found}
    for number in range(50):
        live, shadow = rows[f"r{number}", "live"], rows[f"r{number}", "shadow"]
        assert (live["version"], shadow["version"]) == (1, 2)
        assert (live["output_y"], shadow["output_y"]) == (float(number), 2.0 * number)
    assert len(rows) == 100
