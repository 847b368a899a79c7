"""The benchmark of training: what it makes of its measurements, and that all its ways train."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks import training_throughput
from benchmarks.training_throughput import judged

FEATURES = """categorical = ["carrier", "dest"]
numeric = ["distance", "temp"]
cyclical = { sched_dep = 1440 }
"""


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


@pytest.mark.long  # one of the longest tests, of a benchmark that no user runs
def test_all_ways_train_on_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spans = sorted(path.name for path in Path("data/sample/flights").glob("span-*"))[:2]
    command = ["training_throughput", "--rounds", "1", "--seconds", "0", "--batches", "40"]
    command += ["--data", "data/sample/flights", "--spans", ",".join(spans), "--json", str(tmp_path / "found.json")]
    # A column of each kind, and in this process: the analysis of all, and another import of TFX, would be most of the
    # test's time.
    shutil.copytree("schemas/flights", tmp_path / "flights")
    settings = tmp_path / "flights" / "pipeline.toml"
    head, _, rest = settings.read_text(encoding="utf-8").partition("[features]\n")
    settings.write_text(f"{head}[features]\n{FEATURES}\n{rest[rest.index('[drift]') :]}", encoding="utf-8")
    monkeypatch.setattr(training_throughput, "SETTINGS", settings)
    monkeypatch.setattr(sys, "argv", command)
    training_throughput.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["rows"]["template"] == found["rows"]["plumbline"] > 0
    for model in ("template", "plumbline"):
        measured = found["measured"][model]["40"]
        assert all(speed > 0 for speed in measured["examples_per_second"].values())
        assert measured["ratio"] == measured["ratios"][0]
