"""The benchmark of training: what it makes of its measurements, and that all its ways train."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.training_throughput import judged


def _round(stock: float, stock_input: float, ours: float, computation: float) -> dict[str, float]:
    return {"stock": stock, "stock_input": stock_input, "ours": ours, "computation": computation}


def test_medians_of_the_rounds() -> None:
    rounds = [_round(10, 25, 50, 100), _round(10, 20, 90, 100), _round(5, 40, 60, 75)]
    found = judged(rounds, gathering=0.25)
    assert found["examples_per_second"] == {"stock": 10, "stock_input": 25, "ours": 60, "computation": 100}
    assert found["ratios"] == [5, 9, 12]
    assert found["ratio"] == 9
    assert found["ratio_of_input"] == 2  # of 2, 4.5 and 1.5
    assert found["waiting"] == {"stock_input": 0.75, "ours": pytest.approx(0.2)}
    assert found["gathering"] == 0.25
    assert found["bound_by"] == "computation: 80% of the rate on one batch that is there already"


def test_a_feed_that_holds_training_up_is_named() -> None:
    found = judged([_round(1, 1, 30, 100)], gathering=1.0)
    assert found["bound_by"].startswith("input: 30%")
    assert judged([_round(1, 1, 101, 100)], 0.1)["waiting"]["ours"] == 0


@pytest.mark.slow
def test_all_ways_train_on_the_sample(tmp_path: Path) -> None:
    spans = sorted(path.name for path in Path("data/sample/flights").glob("span-*"))[:2]
    command = [sys.executable, "-m", "benchmarks.training_throughput", "--rounds", "1", "--seconds", "0"]
    command += ["--batches", "40", "--data", "data/sample/flights", "--spans", ",".join(spans)]
    command += ["--json", str(tmp_path / "found.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["rows"]["template"] == found["rows"]["plumbline"] > 0
    for model in ("template", "plumbline"):
        measured = found["measured"][model]["40"]
        assert all(speed > 0 for speed in measured["examples_per_second"].values())
        assert measured["ratio"] == measured["ratios"][0]
