"""Reused is what TFX's cache would serve, and recorded as its launcher would record it; parity with TFX: tests/e2e."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata.connection import connection_config
from pipeline.runners.local.cache_record import KEPT, Node, keep, load, nodes_of_run
from pipeline.runners.local.cached_nodes import CachedNodes, reusable
from pipeline.runners.local.run_cache import cached_nodes, remember
from tests.pipeline.runners.local.two_nodes import Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    made = Toy(tmp_path / "toy")
    made.complete("first")
    return made


def test_the_record_of_a_run_names_cache_contexts_and_artifacts(toy: Toy) -> None:
    make, use = nodes_of_run(toy.store, "first")
    assert (make.id, make.cache_context, list(make.outputs)) == ("Make", "key of Make", [str(toy.artifacts["data"])])
    assert (use.id, use.cache_context, list(use.outputs)) == ("Use", "key of Use", [str(toy.artifacts["result"])])
    assert nodes_of_run(toy.store, "never") == ()


def test_a_complete_run_is_reusable(toy: Toy) -> None:
    found = reusable(toy.store, "toy", nodes_of_run(toy.store, "first"), toy.verifier)
    assert [one.node.id for one in found] == ["Make", "Use"]


def deleted(toy: Toy) -> None:
    """As `plumbline gc` marks it before it removes the folder."""
    artifact = toy.artifact("data")
    artifact.state = mlmd.Artifact.DELETED
    toy.store.put_artifacts([artifact])


def folder_gone(toy: Toy) -> None:
    shutil.rmtree(toy.artifact("result").uri)


def without_folder(toy: Toy) -> None:
    artifact = toy.artifact("result")
    artifact.uri = ""
    toy.store.put_artifacts([artifact])


def changed_message(toy: Toy) -> None:
    artifact = toy.artifact("data")
    artifact.custom_properties["rows"].string_value = "7"
    toy.store.put_artifacts([artifact])


def failed(toy: Toy) -> None:
    execution = toy.execution("Use")
    execution.last_known_state = mlmd.Execution.FAILED
    toy.store.put_executions([execution])


def still_running(toy: Toy) -> None:
    execution = toy.execution("Make")
    execution.last_known_state = mlmd.Execution.RUNNING
    toy.store.put_executions([execution])


def executed_anew(toy: Toy) -> None:
    """Another result in the same cache context: the next node has other inputs, so another cache key."""
    toy.complete("second", node="Make")


@pytest.mark.parametrize(
    "change", [deleted, folder_gone, without_folder, changed_message, failed, still_running, executed_anew]
)
def test_what_tfx_would_execute_is_not_reused(toy: Toy, change: Callable[[Toy], None]) -> None:
    nodes = nodes_of_run(toy.store, "first")
    change(toy)
    assert reusable(toy.store, "toy", nodes, toy.verifier) == ()


def test_other_metadata_knows_nothing_of_it(toy: Toy, tmp_path: Path) -> None:
    nodes = nodes_of_run(toy.store, "first")
    wiped = Toy(tmp_path / "wiped")
    assert reusable(wiped.store, "toy", nodes, toy.verifier) == ()
    assert reusable(toy.store, "other pipeline", nodes, toy.verifier) == ()


def test_a_failed_attempt_after_it_does_not_hide_a_success(toy: Toy) -> None:
    nodes = nodes_of_run(toy.store, "first")
    toy.complete("second", node="Make", state=mlmd.Execution.FAILED)
    assert [one.execution.id for one in reusable(toy.store, "toy", nodes, toy.verifier)][1] == toy.executions["Use"]


def events(toy: Toy, execution: mlmd.Execution) -> set[tuple[int, int, str, int]]:
    found = toy.store.get_events_by_execution_ids([execution.id])
    return {(one.artifact_id, one.type, one.path.steps[0].key, one.path.steps[1].index) for one in found}


def test_it_is_recorded_as_a_run_of_cached_executions(toy: Toy) -> None:
    nodes = CachedNodes(toy.store, reusable(toy.store, "toy", nodes_of_run(toy.store, "first"), toy.verifier), "second")
    before = [toy.artifact("data"), toy.artifact("result")]
    assert nodes.ids == ["Make", "Use"]
    state, outputs = nodes.launch("Make")
    assert (state, list(outputs)) == ("cached", ["Make.data"])
    assert outputs["Make.data"].uri == toy.artifact("data").uri
    assert outputs["Make.data"].get_string_custom_property("tfx_version") == "1.21.0"
    assert list(nodes.launch("Use")[1]) == ["Use.result"]

    run = toy.store.get_context_by_type_and_name("pipeline_run", "second")
    assert [parent.name for parent in toy.store.get_parent_contexts_by_context(run.id)] == ["toy"]
    made = sorted(toy.store.get_executions_by_context(run.id), key=lambda one: one.id)
    for execution, node in zip(made, ("Make", "Use"), strict=True):
        original = toy.execution(node)
        assert execution.last_known_state == mlmd.Execution.CACHED
        assert execution.type_id == original.type_id
        assert execution.properties["level"].int_value == 3
        assert {**execution.custom_properties}.keys() == {"code"}  # not the result's message of the first one
        assert events(toy, execution) == events(toy, original)
        names = {context.type: context.name for context in toy.store.get_contexts_by_execution(execution.id)}
        assert names == {
            "pipeline": "toy", "pipeline_run": "second", "node": f"toy.{node}", "execution_cache": f"key of {node}",
        }  # fmt: skip
    assert [toy.artifact("data"), toy.artifact("result")] == before


def test_a_cached_run_is_as_good_as_the_first(toy: Toy) -> None:
    first = nodes_of_run(toy.store, "first")
    for run_id in ("second", "third"):
        nodes = CachedNodes(toy.store, reusable(toy.store, "toy", first, toy.verifier), run_id)
        for node_id in nodes.ids:
            nodes.launch(node_id)
    assert nodes_of_run(toy.store, "third") == first


def test_killed_between_two_nodes(toy: Toy) -> None:
    """What a kill -9 leaves after the first node: the next run reuses all the same."""
    first = nodes_of_run(toy.store, "first")
    CachedNodes(toy.store, reusable(toy.store, "toy", first, toy.verifier), "killed").launch("Make")
    assert len(nodes_of_run(toy.store, "killed")) == 1
    assert [one.node for one in reusable(toy.store, "toy", first, toy.verifier)] == list(first)


def test_asked_by_key(toy: Toy) -> None:
    connection = connection_config(None, toy.home / "metadata.sqlite")
    remember(toy.home, "key", connection, "first")
    found = cached_nodes(toy.home, "key", connection, "toy", "second", toy.verifier)
    assert found is not None
    assert found.ids == ["Make", "Use"]
    assert cached_nodes(toy.home, "other key", connection, "toy", "second", toy.verifier) is None
    (toy.home / "metadata.sqlite").unlink()
    assert cached_nodes(toy.home, "key", connection, "toy", "second", toy.verifier) is None
    assert not (toy.home / "metadata.sqlite").exists()


def test_an_unknown_run_leaves_no_record(toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    remember(toy.home, "key", connection_config(None, toy.home / "nothing.sqlite"), "first")
    assert load(toy.home, "key") == ()
    assert "could not be stored" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nodes": [{}]}', '{"nodes": [3]}', "\x00"])
def test_a_broken_record_is_none(tmp_path: Path, text: str) -> None:
    keep(tmp_path, "key", (Node("Make", "c", {}),))
    (file,) = (tmp_path / "cache" / "runs").iterdir()
    file.write_text(text)
    assert load(tmp_path, "key") == ()


def test_the_newest_records_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        keep(tmp_path, f"key {number}", (Node("Make", "c", {"1": "d"}),))
    assert len(list((tmp_path / "cache" / "runs").iterdir())) == KEPT
    assert load(tmp_path, f"key {KEPT + 2}") == (Node("Make", "c", {"1": "d"}),)
    assert load(tmp_path, "key 0") == ()
