"""Importance to the live version, from a registry and a metadata store, and in `plumbline drift --dataset`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from benchmarks.synthetic_history import History
from pipeline.cli import main
from pipeline.run_history.live_importance import LiveImportance, live_importance
from pipeline.settings.config import Config, find_config, load_config

SETTINGS = """
[dataset]
name = "loans"
task = "binary"
label = "bad"
[data]
directory = "."
pattern = "{span}.csv"
[features]
numeric = ["income", "age"]
[evaluation.thresholds]
auc = 0.5
"""
SCHEMA = "".join(
    f'feature {{ name: "{name}" type: {kind} }}\n'
    for name, kind in (("income", "FLOAT"), ("age", "FLOAT"), ("bad", "INT"))
)
IMPORTANCE = [
    {"feature": "income", "metric": "auc", "drop": 0.08, "standard_error": 0.002, "loss": 0.1},
    {"feature": "age", "metric": "auc", "drop": 0.001, "standard_error": 0.002, "loss": 0.0},
]


@pytest.fixture
def config(tmp_path, monkeypatch) -> Config:
    monkeypatch.chdir(tmp_path)
    Path("schemas/loans").mkdir(parents=True)
    Path("schemas/loans/pipeline.toml").write_text(SETTINGS)
    Path("schemas/loans/schema.pbtxt").write_text(SCHEMA)
    return load_config(find_config("loans"))


def analysed(history: History, run_id: str, content: object) -> Path:
    """Adds an error analysis to a run, as TFX records it."""
    uri = history.home / "artifacts" / "ErrorAnalysis" / "errors" / "1"
    uri.mkdir(parents=True)
    (uri / "errors.json").write_text(json.dumps(content), encoding="utf-8")
    store = history.store
    kind = store.put_artifact_type(mlmd.ArtifactType(name="ErrorReport"))
    execution = mlmd.Execution(
        type_id=store.put_execution_type(mlmd.ExecutionType(name="components.ErrorAnalysis")),
        last_known_state=mlmd.Execution.COMPLETE,
    )
    event = mlmd.Event(type=mlmd.Event.OUTPUT)
    event.path.steps.add(key="errors")
    names = {"pipeline_run": run_id, "node": f"{history.home.name}.ErrorAnalysis"}
    contexts = [
        mlmd.Context(type_id=store.put_context_type(mlmd.ContextType(name=one)), name=name)
        for one, name in names.items()
    ]
    artifact = mlmd.Artifact(type_id=kind, uri=str(uri), state=mlmd.Artifact.LIVE)
    store.put_execution(execution, [(artifact, event)], contexts, True)
    return uri


def test_no_registry_and_no_live_version(config, tmp_path):
    assert live_importance(config, tmp_path / "runs") == LiveImportance()
    History(tmp_path / "runs" / "loans").registry.create()
    assert live_importance(config, tmp_path / "runs") == LiveImportance()


def test_the_run_of_the_live_version(config, tmp_path):
    history = History(tmp_path / "runs" / "loans")
    run_id = history.add(train=[1], evaluation=2)
    unknown = live_importance(config, tmp_path / "runs")
    assert unknown.features == {}
    assert unknown.text == (
        f"severity does not depend on the importance to the live version 1: run {run_id} has no permutation importance"
    )
    uri = analysed(history, run_id, {"slices": [], "importance": IMPORTANCE})
    found = live_importance(config, tmp_path / "runs")
    assert found.features == {"income": 1.0, "age": 0.0}
    assert found.text == (
        "severity is at most moderate for features with less than 2% of the largest importance to live version 1 "
        f"(run {run_id})"
    )
    (uri / "errors.json").unlink()
    gone = live_importance(config, tmp_path / "runs")
    assert gone.features == {}
    assert "errors.json" in gone.text


def test_drift_of_an_unused_feature_is_at_most_moderate(config, tmp_path, capsys):
    rng = np.random.default_rng(1)
    for name, shift in (("a.csv", 0), ("b.csv", 2)):
        rows = pd.DataFrame({"income": rng.normal(shift, 1, 2000), "age": rng.normal(shift, 1, 2000)})
        rows.assign(bad=rng.integers(0, 2, 2000)).to_csv(name, index=False)
    history = History(tmp_path / "runs" / "loans")
    analysed(history, history.add(train=[1], evaluation=2), {"importance": IMPORTANCE})
    command = ["drift", "a.csv", "b.csv", "--dataset", "loans", "--no-joint", "--root", str(tmp_path / "runs")]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    graded = {row["feature"]: (row["severity"], row["importance"]) for row in found["drift"] if row["distance"] > 0.3}
    assert graded == {"income": ("severe", 1.0), "age": ("moderate", 0.0)}
    assert found["weights"].startswith("severity is at most moderate for features with less than 2% of ")
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "drift in 2: 1 severe, 1 moderate" in text
    assert found["weights"] in text
