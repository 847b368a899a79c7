"""Upstream of a version, on a synthetic history."""

import hashlib
import json
import subprocess
import sys

import pytest

from benchmarks.synthetic_history import SCHEMA, History
from components.shared.errors import UsageError
from pipeline.run_history import lineage
from pipeline.run_history.lineage import lineage_text, model_lineage, open_store, output_uri


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> History:
    """Version 1 on spans 1 and 2; another learning rate (2); a run that is killed; the next month (3)."""
    made = History(tmp_path_factory.mktemp("runs") / "flights")
    made.add(train=[1, 2], evaluation=3)
    made.add(train=[1, 2], evaluation=3, learning_rate=0.002)
    made.add(train=[1, 2], evaluation=3, learning_rate=0.003, until="Trainer")
    made.add(train=[2, 3], evaluation=4, learning_rate=0.002)
    return made


@pytest.fixture(scope="module")
def store(history):
    return open_store(history.home / "metadata.sqlite")


def _of(history, store, version):
    return model_lineage(store, version, history.registry.manifest(version)["run_id"], history.registry)


def _steps(found):
    return {step.component: step for step in found.steps}


def test_names_every_file_schema_code_and_parent(history, store):
    found = _of(history, store, 3)
    assert [(row.split, row.span, row.sha256) for row in found.spans] == [
        (split, span, hashlib.sha256(f"span {span}".encode()).hexdigest())
        for split, span in (("train", 2), ("train", 3), ("eval", 4))
    ]
    assert found.schema_sha256 == hashlib.sha256(SCHEMA.encode()).hexdigest()
    assert found.fingerprints == history.registry.manifest(3)["fingerprints"]
    assert found.corrections == ()
    assert found.champion == 2
    assert [(parent.version, parent.run_id) for parent in found.parents] == [
        (2, history.run_ids[1]),
        (1, history.run_ids[0]),
    ]
    assert found.roles == ("live",)
    assert _of(history, store, 2).roles == ("previous",)
    assert _of(history, store, 1).parents == ()


def test_cached_step_says_whose_result_it_took(history, store):
    found = _of(history, store, 2)
    step = _steps(found)["ArrowExampleGen"]
    assert step.cached
    assert step.run_id == history.run_ids[0]
    assert f"execution {step.execution} in run {history.run_ids[0]}" in step.why
    assert step.changed == ()


def test_executed_step_says_what_changed(history, store):
    steps = _steps(_of(history, store, 2))
    (change,) = steps["Trainer"].changed  # its inputs came from the cache: the same artifacts
    assert (change.kind, change.name, change.before, change.after) == (
        "parameter",
        "custom_config.training.learning_rate",
        "0.001",
        "0.002",
    )
    names = [(change.kind, change.name) for change in steps["ChampionResolver"].changed]
    assert names == [("input", "candidate"), ("parameter", "version")]


def test_compares_with_the_nearest_run_in_which_the_node_succeeded(history, store):
    steps = _steps(_of(history, store, 3))
    # Run 3 was killed in its Trainer, but its ingest (from the cache) succeeded.
    assert history.run_ids[2] in steps["ArrowExampleGen"].why
    assert history.run_ids[1] in steps["Trainer"].why
    assert [change.name for change in steps["Trainer"].changed] == ["examples", "transform_graph"]


def test_first_time(history, store):
    assert _steps(_of(history, store, 1))["Trainer"].why == "no cached execution"


def test_vanished_files_are_a_reason(tmp_path):
    made = History(tmp_path / "flights")
    made.add(train=[1], evaluation=2)
    made.add(train=[1], evaluation=2, push=False)
    made._cached = {key: value for key, value in made._cached.items() if "DriftValidator" not in key}
    made.add(train=[1], evaluation=2)
    store = open_store(made.home / "metadata.sqlite")
    (first,) = (made.home / "artifacts" / "DriftValidator" / "drift").glob("4")
    (first / "content").unlink()
    first.rmdir()
    from pipeline.run_history.cache_reasons import reasons
    from pipeline.run_history.metadata_graph import executions_of_run

    found = reasons(store, executions_of_run(store, made.run_ids[2]), {})
    assert found["DriftValidator"].text.endswith("nothing changed, but its output files were deleted")


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ("", ()),
        ('[{"name": "fixes.csv", "sha256": "ab", "rows": 3}]', ({"name": "fixes.csv", "sha256": "ab", "rows": 3},)),
        ('{"sha256": "ab"}', ({"sha256": "ab"},)),
        ("ab12", ({"sha256": "ab12"},)),
        ("[]", ()),
    ],
)
def test_corrections(recorded, expected):
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    artifact = mlmd.Artifact()
    artifact.custom_properties["corrections"].string_value = recorded
    assert lineage.corrections_of(artifact) == expected


def test_text(history, store):
    text = lineage_text(_of(history, store, 3))
    assert "version 3 (live), made by run " + history.run_ids[3] in text
    assert "champion     version 2" in text
    assert "before that  version 1" in text
    assert "changed inputs: examples, transform_graph" in text
    json.dumps(_of(history, store, 3).to_json(), allow_nan=False)


def test_run_that_did_not_push_it(history, store):
    with pytest.raises(UsageError, match="which pushed version 3, is not in this metadata store"):
        model_lineage(store, 3, history.run_ids[0])
    with pytest.raises(UsageError, match="which pushed version 3, is not in this metadata store"):
        model_lineage(store, 3, "20260101T000000Z-none")


def test_output_uri(history, store):
    assert output_uri(store, history.run_ids[1], "examples").endswith("ArrowExampleGen/examples/1")  # from the cache
    with pytest.raises(UsageError, match="has no output statistic in"):
        output_uri(store, history.run_ids[1], "statistic")


def test_no_metadata(tmp_path):
    with pytest.raises(UsageError, match="the metadata store does not exist"):
        open_store(tmp_path / "metadata.sqlite")
    (tmp_path / "metadata.sqlite").write_text("no database at all, but long enough to be read as one" * 50)
    with pytest.raises(UsageError, match="is damaged, or is no ML Metadata.*plumbline doctor"):
        open_store(tmp_path / "metadata.sqlite")


def test_looking_back_does_not_load_the_stack(history):
    code = (
        "import sys; from pathlib import Path; from components.registry.registry import Registry\n"
        "from pipeline.run_history import compare_runs, downstream, garbage_collection, lineage, runs\n"
        f"home = Path({str(history.home)!r}); registry = Registry(home / 'registry')\n"
        "store = lineage.open_store(home / 'metadata.sqlite')\n"
        "last, *_, first = runs.history(home)\n"
        "lineage.model_lineage(store, 3, last.run_id, registry)\n"
        "downstream.downstream(store, '2', registry)\n"
        "compare_runs.compare_runs(store, home, first.run_id, last.run_id)\n"
        "garbage_collection.plan_deletion(store, home, registry, 1)\n"
        "print([name for name in ('tensorflow', 'tfx', 'apache_beam') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
