"""Samples add up to what has passed, in the sections in which it passed."""

import json
import threading
import time
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.runners.profiling.profile import Profile, profiled, section
from pipeline.runners.profiling.sampler import Cost, ProfileSection
from tests.pipeline.runners.local.cached_project import cached_project as cached_project


def work(cpu: float) -> None:
    end = time.thread_time() + cpu
    while time.thread_time() < end:
        sum(range(1000))


def test_sections_in_order_and_their_sum() -> None:
    began = time.perf_counter()
    with profiled() as made:
        work(0.05)
        with section("one"):
            work(0.1)
        with section("two"):
            work(0.05)
        work(0.05)
    passed = time.perf_counter() - began
    (profile,) = made
    assert [one.name for one in profile.sections] == ["preparation", "one", "two", "preparation"]
    assert 0 < profile.total.wall <= passed
    assert profile.sections[1].total.cpu >= 0.1
    for one in profile.sections:
        assert one.total.wall == pytest.approx(sum(cost.wall for cost in one.phases.values()))
        assert one.total.cpu == pytest.approx(sum(cost.cpu for cost in one.work.values()))


def test_a_working_thread_is_seen_while_the_main_thread_waits() -> None:
    with profiled() as made, section("one"):
        thread = threading.Thread(target=work, args=(0.2,))
        thread.start()
        thread.join()
    one = next(one for one in made[0].sections if one.name == "one")
    assert one.total.cpu >= 0.2


def test_no_profile_no_cost() -> None:
    with section("one"):
        pass  # nothing is active, nothing is counted


def test_it_ends_with_what_is_profiled() -> None:
    with pytest.raises(ValueError, match="stop"), profiled() as made:
        raise ValueError("stop")
    assert made[0].total.wall >= 0
    assert not [thread for thread in threading.enumerate() if thread.name == "profile"]


def test_table_and_json() -> None:
    trainer = ProfileSection("Trainer")
    trainer.add("executor", "components.trainer.fit > sklearn", 3.0, 6.0)
    trainer.add("launcher", "ml_metadata", 1.0, 0.5)
    trainer.add("executor", "too short to tell", 0.01, 0.01)
    profile = Profile(Cost(0.0, 0.25), (trainer,))
    found = profile.to_json()
    assert found["total"] == {"wall": 4.01, "cpu": 6.76}
    assert found["sections"][0]["phases"]["executor"] == {"wall": 3.01, "cpu": 6.01}
    assert [row["who"] for row in found["sections"][0]["work"]] == ["components.trainer.fit > sklearn", "ml_metadata"]
    lines = profile.to_text().splitlines()
    assert lines[2].split() == ["Trainer", "4.01", "6.51", "0.00", "0.50", "6.01", "0.00"]
    assert lines[3].split() == ["components.trainer.fit", ">", "sklearn", "3.00", "6.00"]
    assert lines[-2].split() == ["all", "4.01", "6.76"]


def test_a_run_that_is_profiled(cached_project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dataset", "flights", "--json", "--profile"]) == 0
    out, err = capfd.readouterr()
    summary = json.loads(out)
    kept = json.loads((Path(summary["log"]).parent / "profile.json").read_text())
    names = [one["name"] for one in kept["sections"]]
    assert names.index("Make") < names.index("Use") < names.index("report")
    assert "the DAG" not in names  # nothing was to be executed
    table = [line.split()[0] for line in err.splitlines() if line and not line.startswith((" ", "["))]
    assert {"profile", "preparation", "Make", "Use", "report", "all"} <= set(table)
