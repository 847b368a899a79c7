"""Processes that are measured, what a run leaves, and what is made of their figures."""

import sys
from pathlib import Path

import pytest

from benchmarks import inference, pipeline
from benchmarks.finished_run import FinishedRun
from benchmarks.measured import Measured, measure
from components.shared.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_cpu_of_children_counts(tmp_path: Path) -> None:
    work = "import time\nwhile time.process_time() < 0.5: pass"
    command = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True); print('done')"
    found = measure([sys.executable, "-c", command], tmp_path)
    assert found.stdout == "done\n"
    assert found.cpu_seconds >= 0.5
    assert found.seconds >= 0.5


def test_the_packages_of_a_tree_are_imported(tmp_path: Path) -> None:
    (tmp_path / "tree" / "components").mkdir(parents=True)
    (tmp_path / "tree" / "components" / "__init__.py").write_text("name = 'another'\n")
    (tmp_path / "work").mkdir()
    command = [sys.executable, "-c", "import components; print(components.name)"]
    assert measure(command, tmp_path / "work", tmp_path / "tree").stdout == "another\n"


def test_a_process_that_fails_is_told_with_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ended with exit code 3: no rows"):
        measure([sys.executable, "-c", "import sys; print('no rows', file=sys.stderr); sys.exit(3)"], tmp_path)


def test_the_newest_artifacts_of_a_run(tmp_path: Path) -> None:
    for number in ("2", "10", ".system"):
        (tmp_path / "artifacts" / "Trainer" / "model" / number).mkdir(parents=True)
    assert FinishedRun(tmp_path).model == tmp_path / "artifacts" / "Trainer" / "model" / "10" / "Format-Serving"
    with pytest.raises(UsageError, match="holds no artifact"):
        FinishedRun(tmp_path).examples("eval")


def _took(seconds: float, cpu: float, peak: float) -> Measured:
    return Measured(seconds, cpu, peak, "")


def test_ratios_are_of_the_same_round() -> None:
    def one(stock: Measured, ours: Measured, trainer: float) -> pipeline.Round:
        told = {"steps": {"Trainer": trainer}, "executed": ["Trainer"], "metrics": {"auc": 0.8}}
        rest = {name: (_took(1, 1, 1), told) for name in ("cached", "model_changed")}
        return {"stock": (stock, {"steps": {"Trainer": 50.0}}), "ours": (ours, told), **rest}

    found = pipeline.summed_up(
        [one(_took(100, 80, 1000), _took(20, 40, 500), 10), one(_took(300, 240, 1000), _took(90, 60, 700), 20)]
    )
    assert found["ratio_wall"] == pytest.approx(0.25)  # of 0.2 and 0.3
    assert found["ratio_cpu"] == pytest.approx(0.375)  # of 0.5 and 0.25
    assert found["ratio_memory"] == pytest.approx(0.6)
    assert found["ours"]["steps"] == {"Trainer": 15}
    assert found["ours"]["seconds"] == [20, 90]
    assert found["executed"] == {"cached": ["Trainer"], "model_changed": ["Trainer"]}


def test_one_csv_of_features_and_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "FLIGHTS", Path("data/sample/flights"))
    rows, columns = pipeline.write_flights(tmp_path / "one" / "flights.csv", most=50)
    head, *body = (tmp_path / "one" / "flights.csv").read_text(encoding="utf-8").splitlines()
    assert (rows, columns) == (50, 24) == (len(body), len(head.split(",")))
    assert head.startswith("carrier,") and head.endswith(",late")
    assert {line.rpartition(",")[2] for line in body} == {"0", "1"}


def test_rates_and_ratios_of_inference() -> None:
    seconds = {
        1: {"serve_examples": [0.002, 0.004, 0.003], "serving_default": [0.001], "boosting": [0.0015]},
        1024: {"serve_examples": [0.01], "serving_default": [0.02], "boosting": [0.005], "lightgbm": [0.02]},
    }
    found = inference.summed_up(seconds)
    assert found["one_row"]["serve_examples"]["median_ms"] == 3
    assert found["batches"]["1024"]["serve_examples"] == 102400
    assert found["ratio"] == {"1": 0.5, "1024": 0.5}
