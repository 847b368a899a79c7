"""The parts of the data-centric benchmark that need no run."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.data_centric import ID, LABEL, Project, correct, drifted_slices, look_at, plant, read
from benchmarks.data_centric_noise import SCENARIOS, flips
from benchmarks.data_centric_table import markdown, table
from components.arrow_example_gen.corrections import load_corrections
from pipeline.settings.config import load_config

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "flights"


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, window=2)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.concat(read(SAMPLE, [2, 3]).values(), ignore_index=True)


def test_labels_are_flipped_in_the_train_spans_and_nothing_else_is_changed(project):
    frames = read(SAMPLE, [2, 3])
    wrong = plant(project.folder, frames, "class", noise=0.2, seed=1)
    for folder in ("spans", "train"):
        written = read(project.folder / folder, [2, 3])
        for span, frame in frames.items():
            assert written[span].drop(columns=LABEL).equals(frame.drop(columns=LABEL))
            differs = written[span][LABEL] != frame[LABEL]
            assert set(frame[ID][differs]) == wrong & set(frame[ID])
            assert set(written[span][LABEL]) == {"0", "1"}
    assert sorted(path.name for path in (project.folder / "train").iterdir()) == ["span-02.csv", "span-03.csv"]
    assert 0.17 < len(wrong) / 2000 < 0.23


def test_class_noise_hits_late_flights_more_often(rows):
    hit = flips("class", rows, 0.2, seed=1)
    late = rows[LABEL] == "1"
    # P(flip | late) = 0.4, and 0.2 in all.
    assert hit[late].mean() == pytest.approx(0.4, abs=0.06)
    assert hit.mean() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("name", ["carriers", "outage", "swapped"])
def test_a_source_goes_wrong_and_no_other(rows, name):
    hit = flips(name, rows, 0.2, seed=1)
    scenario = SCENARIOS[name]
    assert hit.any() and rows.loc[hit, scenario.column].isin(scenario.values).all()


def test_what_each_source_does(rows):
    late = (rows[LABEL] == "1").to_numpy()
    hidden = flips("carriers", rows, 0.2, seed=1)
    concerned = late & rows["carrier"].isin(["UA", "B6"]).to_numpy()
    assert not hidden[~concerned].any() and hidden[concerned].mean() == pytest.approx(0.7, abs=0.1)
    outage = (rows["origin"] == "LGA") & (rows["day"].astype(int) > 15)
    assert np.array_equal(flips("outage", rows, 0.2, seed=1), late & outage)
    assert np.array_equal(flips("swapped", rows, 0.2, seed=1), rows["carrier"] == "EV")


def test_the_same_seed_is_the_same_noise(rows):
    assert np.array_equal(flips("uniform", rows, 0.2, 3), flips("uniform", rows, 0.2, 3))
    assert not np.array_equal(flips("uniform", rows, 0.2, 3), flips("uniform", rows, 0.2, 4))


def test_corrections_are_the_true_labels(project):
    correct(project, ["a", "b"], pd.Series({"a": 1, "b": 0}))
    made = load_corrections(str(project.corrections), {"row_id": "string", LABEL: "int64"}, ["row_id"], LABEL)
    assert dict(zip(made.ids.to_pylist(), made.edits[LABEL].values.to_pylist(), strict=True)) == {"a": 1, "b": 0}


def test_settings_of_the_project(project):
    config = load_config(project.settings)
    assert (config.data.directory, config.data.window) == ("spans", 2)


def test_the_source_is_where_the_run_says_that_labels_drifted(project, rows):
    def drift(feature: str, where: str, drifted: bool) -> dict[str, object]:
        return {"feature": feature, "slice": where, "drifted": drifted}

    found = [drift(LABEL, "carrier=UA", True), drift(LABEL, "carrier=UA", True), drift("temp", "carrier=AA", True)]
    found += [drift(LABEL, "", True), drift(LABEL, "carrier=DL", False), drift(LABEL, "origin=JFK", True)]
    slices = drifted_slices({"drift": found})
    assert slices == ["carrier=UA", "origin=JFK"]
    looked = look_at(project, "source", slices, rows, 5, seed=0)
    assert looked == rows[(rows["carrier"] == "UA") | (rows["origin"] == "JFK")][ID].tolist()
    assert look_at(project, "source", [], rows, 5, seed=0) == []


def test_random_rows_are_as_many_as_asked_and_different(project, rows):
    looked = look_at(project, "random", [], rows, 50, seed=0)
    assert len(set(looked)) == 50 and set(looked) <= set(rows[ID])


def test_table():
    metric = {"before": 0.6, "after": 0.65, "delta": 0.05, "low": 0.01, "high": 0.09}
    attempt = {"metrics": dict.fromkeys(("auc", "average_precision", "f1"), metric)}
    result = {"scenario": "uniform", "says": "slips", "wrong": 200, "late_wrong": 90, "slices": ["carrier=UA"]}
    result["baseline"] = dict.fromkeys(attempt["metrics"], 0.6)
    result["attempts"] = {
        "model-centric": attempt,
        "data-centric, audit": {**attempt, "looked_at": 1200, "corrected": 100},
    }
    text = table(result)
    assert "drift of the label in: carrier=UA" in text
    assert re.search(r"baseline +60\.00", text)
    assert re.search(r"audit \(1,200 looked at, 100 wrong\) +\+5\.00 \[\+1\.00, \+9\.00\]", text)
    assert "| model-centric | +5.00 [+1.00, +9.00] |" in markdown(result)
