"""The parts of the data-centric benchmark that need no run."""

import re
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.data_centric import LABEL, Project, correct, plant, table
from components.arrow_example_gen.corrections import load_corrections
from pipeline.config import load_config

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "flights"


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, window=2)


def test_labels_are_flipped_in_the_train_spans_only(project):
    truth, wrong = plant(project.folder, SAMPLE, [2, 3], 4, noise=0.2, seed=1)
    assert len(truth) == 2000
    frames = [pd.read_csv(project.folder / "spans" / f"span-0{span}.csv", dtype=str) for span in (2, 3)]
    given = pd.concat(frames).set_index("row_id")[LABEL].astype(int)
    assert {row for row, label in given.items() if label != truth[row]} == wrong
    assert 0.17 < len(wrong) / 2000 < 0.23
    late = pd.Series(truth)
    flipped = late.index.isin(wrong)
    assert flipped[late == 1].mean() > 2 * flipped[late == 0].mean()
    assert (project.folder / "spans" / "span-04.csv").read_bytes() == (SAMPLE / "span-04.csv").read_bytes()
    names = sorted(path.name for path in (project.folder / "train").iterdir())
    assert names == ["span-02.csv", "span-03.csv"]


def test_corrections_are_the_true_labels(project):
    correct(project, ["a", "b"], {"a": 1, "b": 0})
    made = load_corrections(str(project.corrections), {"row_id": "string", LABEL: "int64"}, ["row_id"], LABEL)
    assert dict(zip(made.ids.to_pylist(), made.edits[LABEL].values.to_pylist(), strict=True)) == {"a": 1, "b": 0}


def test_settings_of_the_project(project):
    config = load_config(project.settings)
    assert (config.data.directory, config.data.window) == ("spans", 2)


def test_table():
    metric = {"before": 0.6, "after": 0.65, "delta": 0.05, "low": 0.01, "high": 0.09}
    attempt = {"metrics": dict.fromkeys(("auc", "average_precision", "f1"), metric)}
    names = ("model_centric", "data_centric", "every_label")
    counts = {"train": [1], "eval": 2, "rows": 1000, "flipped": 200, "looked_at": 200, "corrected": 100}
    counts |= {"late_flipped": 90, "late_corrected": 10}
    text = table({**counts, "baseline": dict.fromkeys(attempt["metrics"], 0.6), **dict.fromkeys(names, attempt)})
    assert re.search(r"baseline +60\.00", text)
    assert re.search(r"data-centric +\+5\.00 \[\+1\.00, \+9\.00\]", text)
