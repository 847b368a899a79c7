"""What a tracker is told of a run."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.synthetic_history import History
from components.registry.registry import Registry
from pipeline.export.tracking_data import flattened, gather_tracking_data, key_of, metrics_of
from pipeline.run_history.lineage import open_store

ALLOWED = re.compile(r"[\w.\- :]+")  # MLflow's own rule for names, less the slash


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> History:
    """Version 1; a run that pushes nothing; a run that is killed."""
    made = History(tmp_path_factory.mktemp("runs") / "flights")
    made.add(train=[1, 2], evaluation=3)
    made.add(train=[2, 3], evaluation=4, push=False)
    made.add(train=[3, 4], evaluation=5, until="Trainer")
    return made


def test_settings_are_flattened():
    settings = {
        "path": "/somewhere/pipeline.toml",
        "training": {"epochs": 20, "hidden_units": [256, 128], "seed": 0},
        "features": {"cyclical": {"sched_dep": 1440.0}, "numeric": []},
        "dataset": {"name": "flights", "positive": None},
        "evaluation": {"slices": [["origin"]]},
    }
    assert flattened(settings) == {
        "training.epochs": "20",
        "training.hidden_units": "[256, 128]",
        "training.seed": "0",
        "features.cyclical.sched_dep": "1440.0",
        "dataset.name": "flights",
        "evaluation.slices": '[["origin"]]',
    }


def test_metrics_have_one_name_each_and_are_finite():
    found = metrics_of(
        {"auc": 0.7, "f1": None, "log_loss": float("nan"), "rows_diff": 0.0},
        {"carrier=UA": {"auc": 0.6}, "carrier=U/A": {"auc": 0.5}, "carrier=U?A": {"auc": 0.4}},
        [
            {"feature": "dest", "measure": "chebyshev", "distance": 0.1},
            {"feature": "dest", "measure": "chebyshev", "slice": "origin=EWR", "distance": 0.2},
        ],
    )
    assert found["auc"] == 0.7
    assert found["slice/carrier:UA/auc"] == 0.6
    assert found["drift/dest/chebyshev"] == 0.1
    assert found["drift/dest/chebyshev/origin:EWR"] == 0.2
    assert sorted(found.values()) == [0.1, 0.2, 0.4, 0.5, 0.6, 0.7]  # U/A and U?A did not become one


@given(st.lists(st.text(), unique=True, max_size=6))
def test_different_names_stay_different_and_are_allowed(names):
    keys = [key_of(name) for name in names]
    assert len(set(keys)) == len(keys)
    assert all(ALLOWED.fullmatch(key) and len(key) <= 83 and key not in (".", "..") for key in keys)


def test_facts_of_a_run_that_pushed(made):
    (made.home / "reports" / made.run_ids[0] / "model_card.md").write_text("card")
    store = open_store(made.home / "metadata.sqlite")
    found = gather_tracking_data(store, made.home, made.registry, made.run_ids[0], {"training": {"epochs": 4}})
    assert (found.began, found.ended) == (1767225600000, 1767225700000)  # 1 January 2026, and 100 s later
    assert found.parameters == {"training.epochs": "4"}
    assert found.metrics["slice/origin:EWR/auc"] == 0.6
    digest = found.spans[0].sha256
    assert found.tags["plumbline.data.train.1"] == f"data/flights/span-01.csv, 1,000 rows, sha256 {digest}"
    assert found.tags["plumbline.spans.train"] == "1,2"
    assert found.tags["plumbline.pushed"] == "1"
    assert found.tags["plumbline.settings"] == "of the day of the export, not of the run"
    assert found.pushed is not None and found.pushed.version == 1 and found.pushed.lineage is not None
    assert [path.name for path in found.files] == ["summary.json", "model_card.md"]


def test_own_settings_come_before_those_of_the_day(made, tmp_path):
    report = tmp_path / "reports" / made.run_ids[0]
    report.mkdir(parents=True)
    summary = json.loads((made.home / "reports" / made.run_ids[0] / "summary.json").read_text())
    (report / "summary.json").write_text(json.dumps({**summary, "settings": {"training": {"epochs": 9}}}))
    found = gather_tracking_data(
        None, tmp_path, Registry(tmp_path / "registry"), made.run_ids[0], {"training": {"epochs": 4}}
    )
    assert found.parameters == {"training.epochs": "9"}
    assert found.tags["plumbline.settings"] == "the run's own"
    assert found.spans == () and found.pushed is None  # neither store nor registry is there any more
    assert found.metrics["auc"] == 0.7


def test_version_of_another_registry_is_not_the_runs(made, tmp_path):
    other = History(tmp_path / "flights")
    other.run_ids.append("a run before")  # so that this one has another id
    other.add(train=[1, 2], evaluation=3)
    found = gather_tracking_data(None, made.home, other.registry, made.run_ids[0], {})
    assert other.registry.versions() == [1]
    assert found.pushed is None
