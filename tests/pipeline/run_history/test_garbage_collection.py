"""What may be deleted on a history of 14 runs; and that deleting survives kill -9 at every one of its steps."""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from benchmarks.synthetic_history import History
from components.shared.errors import UsageError
from components.shared.files import write_json
from pipeline.metadata.connection import connect, connection_config
from pipeline.run_history.garbage_collection import collect, deletion_text, plan_deletion
from pipeline.run_history.lineage import model_lineage, output_uri
from pipeline.run_history.metadata_graph import executions_of_run

RUNS = 14


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> History:
    """Run i trains on spans i and i+1; the odd ones are pushed, as versions 1 to 7; only the schema is ever cached."""
    made = History(tmp_path_factory.mktemp("runs") / "flights")
    for number in range(1, RUNS + 1):
        made.add(train=[number, number + 1], evaluation=number + 2, push=number % 2 == 1)
    write_json(made.registry.folder / "labels.json", {**_labels(made), "canary": 3})
    return made


def _labels(history):
    return json.loads((history.registry.folder / "labels.json").read_text())


@pytest.fixture
def history(template, monkeypatch):
    """The history as it was made: metadata holds absolute paths, so each test works in the same place."""
    keep = template.home.with_name("kept")
    if not keep.exists():
        shutil.copytree(template.home, keep)
    yield template
    shutil.rmtree(template.home)
    shutil.copytree(keep, template.home)


def _store(history):
    return connect(connection_config(None, history.home / "metadata.sqlite"), read_only=False)


def _whole(history, run_id):
    """Whether every artifact that a run made, used or took from the cache is live and there."""
    store = _store(history)
    ids = sorted({id_ for one in executions_of_run(store, run_id) for id_ in one.artifact_ids()})
    artifacts = store.get_artifacts_by_id(ids)
    return all(one.state == mlmd.Artifact.LIVE and (Path(one.uri) / "content").is_file() for one in artifacts)


def _runs_of_named_versions(history):
    """Live 7, canary 3, previous 6: pushed by runs 13, 5 and 11."""
    return [history.run_ids[index] for index in (12, 4, 10)]


def test_keeps_what_is_in_use_and_the_newest(history):
    found = collect(_store(history), history.home, history.registry, keep=2)
    kept = {*_runs_of_named_versions(history), *history.run_ids[-2:]}
    assert {run.run_id for run in found.kept} == kept
    assert [run for run in history.run_ids if _whole(history, run)] == sorted(kept)
    for run_id in set(history.run_ids) - kept:
        folders = [Path(one.uri) for one in _artifacts_made_by(history, run_id)]
        assert not any(folder.exists() for folder in folders)
    logs = {path.parent.name for path in history.home.glob("reports/*/run.log")}
    assert logs == kept
    assert len(list(history.home.glob("reports/*/summary.json"))) == RUNS  # the history stays
    assert history.registry.versions() == [1, 2, 3, 4, 5, 6, 7]
    assert not (history.home / "artifacts" / ".trash").exists()


def _artifacts_made_by(history, run_id):
    store = _store(history)
    made = [
        one for one in executions_of_run(store, run_id) if one.state == "executed" and one.node != "ImportSchemaGen"
    ]
    return store.get_artifacts_by_id([id_ for one in made for ids in one.outputs.values() for id_ in ids])


def test_versions_that_are_not_in_use_are_told_apart(history):
    # Champions of 7, 3 and 6 are 6, 2 and 5.
    assert plan_deletion(_store(history), history.home, history.registry, keep=0).versions == (1, 4)


def test_dry_run_touches_nothing(history):
    before = sorted(path for path in history.home.rglob("*"))
    metadata = (history.home / "metadata.sqlite").read_bytes()
    found = plan_deletion(_store(history), history.home, history.registry, keep=1)
    assert found.bytes > 0
    assert "nothing is deleted without --apply" in deletion_text(found, applied=False)
    assert sorted(path for path in history.home.rglob("*")) == before
    assert (history.home / "metadata.sqlite").read_bytes() == metadata
    json.dumps(found.to_json())


def test_second_time_there_is_nothing_left(history):
    collect(_store(history), history.home, history.registry, keep=1)
    again = plan_deletion(_store(history), history.home, history.registry, keep=1)
    assert (again.artifacts, again.folders, again.logs, again.bytes) == ((), (), (), 0)
    assert deletion_text(again, applied=False).endswith("nothing to delete")


def test_lineage_can_still_be_asked_for(history):
    collect(_store(history), history.home, history.registry, keep=0)
    found = model_lineage(_store(history), 1, history.run_ids[0], history.registry)
    assert [row.span for row in found.spans] == [1, 2, 3]
    steps = {step.component: step for step in found.steps}
    assert steps["Trainer"].artifacts == ()
    assert len(steps["ImportSchemaGen"].artifacts) == 1  # the live version uses the same
    with pytest.raises(UsageError, match="were deleted by `plumbline gc`"):
        output_uri(_store(history), history.run_ids[0], "statistics")


def test_a_cached_result_that_a_kept_run_took_stays(tmp_path):
    made = History(tmp_path / "flights")
    for number in range(1, 5):
        made.add(train=[number], evaluation=number + 1)
    again = made.add(train=[2], evaluation=3, push=False)  # run 2 once more: all but the comparison from the cache
    taken = [one for one in executions_of_run(_store(made), again) if one.state == "cached"]
    assert "Trainer" in {one.node for one in taken}
    collect(_store(made), made.home, made.registry, keep=1)
    assert _whole(made, again)


def test_refuses_while_a_run_is_under_way(history):
    with (history.home / ".run.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="a run is already under way there"):
            collect(_store(history), history.home, history.registry, keep=1)
    assert all(_whole(history, run_id) for run_id in history.run_ids)


def test_refuses_a_registry_that_cannot_be_read(history):
    (history.registry.folder / "labels.json").write_text("{")
    with pytest.raises(UsageError, match=r"labels\.json: cannot be read"):
        collect(_store(history), history.home, history.registry, keep=0)
    (history.registry.folder / "labels.json").write_text(json.dumps({"id": "x", "live": 7}))
    (history.registry.folder / "7" / "manifest.json").write_text("{")
    with pytest.raises(UsageError, match=r"manifest\.json: cannot be read"):
        collect(_store(history), history.home, history.registry, keep=0)
    assert all(_whole(history, run_id) for run_id in history.run_ids)


def test_touches_nothing_outside(history, tmp_path):
    outside = tmp_path / "precious"
    outside.mkdir()
    store = _store(history)
    kind = store.get_artifact_type("Examples")
    nearby = history.home / "artifacts" / ".." / "registry" / "7"
    system = history.home / "artifacts" / "Trainer" / ".system" / "executor_execution"
    own = [str(history.home / "artifacts" / "Trainer" / "model"), str(history.home / "artifacts"), str(history.home)]
    uris = [str(outside), str(nearby), str(system), *own, "gs://bucket/a/b/c", ""]
    ids = store.put_artifacts([mlmd.Artifact(type_id=kind.id, uri=uri, state=mlmd.Artifact.LIVE) for uri in uris])
    found = collect(store, history.home, history.registry, keep=0)
    assert not set(ids) & set(found.artifacts)
    assert outside.is_dir()
    assert history.registry.versions() == [1, 2, 3, 4, 5, 6, 7]


def test_another_dataset_in_the_same_store(history):
    store = _store(history)
    other = replace(history, home=history.home.with_name("taxi"), connection=store._config, run_ids=[])
    for number in range(3):  # newer than all of ours
        other.run_ids = [f"taken {index}" for index in range(100 + number)]
        other.add(train=[number], evaluation=number + 1)
    found = collect(store, history.home, history.registry, keep=1)
    assert found.kept[-1].run_id == history.run_ids[-1]
    assert _whole(history, history.run_ids[-1])
    assert len(list(other.home.glob("artifacts/*/*/*/content"))) > 20


@pytest.mark.parametrize("keep", [-1])
def test_bad_keep(history, keep):
    with pytest.raises(UsageError, match="--keep -1: must be at least 0"):
        plan_deletion(_store(history), history.home, history.registry, keep=keep)


# Kills itself, without a chance to tidy up, just before or just after the n-th call of one of the steps.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from components.registry.registry import Registry
from ml_metadata.metadata_store import metadata_store
from pipeline.run_history import garbage_collection
from pipeline.metadata.connection import connect, connection_config

garbage_collection.BATCH = 7
home, step, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
where, name = {
    "mark": (metadata_store.MetadataStore, "put_artifacts"),
    "rename": (Path, "rename"),
    "empty": (os, "rmdir"),
    "log": (Path, "unlink"),
}[step]
real, calls = getattr(where, name), [0]

def dying(*arguments, **named):
    calls[0] += 1
    if calls[0] == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)

setattr(where, name, dying)
store = connect(connection_config(None, home / "metadata.sqlite"), read_only=False)
garbage_collection.collect(store, home, Registry(home / "registry"), keep=2)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "number"),
    [("mark", 1), ("mark", 3), ("rename", 1), ("rename", 2), ("rename", 40), ("empty", 1), ("empty", 30), ("log", 2)],
)
def test_killed_in_the_middle(history, step, number):
    arguments = [sys.executable, "-c", KILLED, str(history.home), step, str(number)]
    killed = subprocess.run(arguments, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = sorted({*_runs_of_named_versions(history), *history.run_ids[-2:]})
    assert all(_whole(history, run_id) for run_id in kept)
    # What TFX's cache would serve, an execution all of whose outputs are live, is whole.
    for run_id in history.run_ids:
        for one in executions_of_run(_store(history), run_id):
            outputs = _store(history).get_artifacts_by_id([id_ for ids in one.outputs.values() for id_ in ids])
            if all(artifact.state == mlmd.Artifact.LIVE for artifact in outputs):
                assert all((Path(artifact.uri) / "content").is_file() for artifact in outputs)

    collect(_store(history), history.home, history.registry, keep=2)
    assert [run for run in history.run_ids if _whole(history, run)] == kept
    again = plan_deletion(_store(history), history.home, history.registry, keep=2)
    assert (again.artifacts, again.folders, again.logs) == ((), (), ())
    there = {path.parent for path in history.home.glob("artifacts/*/*/*/content")}
    live = {Path(one.uri) for one in _store(history).get_artifacts() if one.state == mlmd.Artifact.LIVE}
    assert there == live
