"""Artifacts in a folder that a step and Beam's workers share."""

import json
import sys
from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.artifact_paths import local_path
from pipeline.runners.kubeflow.staging import staging

ROOT = "s3://bucket/runs/flights/run-1/StatisticsGen/salt"


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The step's own disk."""
    monkeypatch.setenv("PLUMBLINE_MOUNT", str(tmp_path / "disk"))
    return tmp_path / "disk"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def test_inputs_are_brought_and_outputs_delivered(mount: Path, shared: Path) -> None:
    model, report = "gs://other/model", f"{ROOT}/report"
    (mount / "gcs/other/model/assets").mkdir(parents=True)
    (mount / "gcs/other/model/assets/words").write_text("a")
    with staging(str(shared), ROOT) as stage:
        stage.bring([model])
        assert (Path(stage.place(model)) / "assets" / "words").read_text() == "a"
        assert Path(stage.place(model)).is_relative_to(shared)
        Path(stage.place(report)).parent.mkdir(parents=True)
        Path(stage.place(report)).write_text("fine")  # an artifact may be a file
        stage.deliver([report, f"{ROOT}/executor-logs"])  # nothing was written there
    assert Path(local_path(report)).read_text() == "fine"
    assert not Path(local_path(f"{ROOT}/executor-logs")).exists()
    assert list(shared.iterdir()) == []


def test_what_a_killed_attempt_left_is_removed_by_the_next(mount: Path, shared: Path) -> None:
    with staging(str(shared), ROOT) as stage:
        left = stage.folder
    (left / "s3" / "half").mkdir(parents=True)
    with staging(str(shared), ROOT) as stage, staging(str(shared), f"{ROOT}-other") as other:
        assert stage.folder == left != other.folder
        assert list(left.iterdir()) == []


def test_a_failure_leaves_nothing_and_delivers_nothing(mount: Path, shared: Path) -> None:
    def fail() -> None:
        with staging(str(shared), ROOT) as stage:
            Path(stage.place(ROOT)).mkdir(parents=True)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(shared.iterdir()) == []
    assert not mount.exists()


def test_a_folder_that_is_not_mounted_is_named(tmp_path: Path) -> None:
    said = r"PLUMBLINE_SHARED=.*/nowhere: cannot be written .*\[kubeflow\] beam_claim"
    with pytest.raises(ConfigError, match=said), staging(str(tmp_path / "nowhere"), ROOT):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("sharing", [True, False])
def test_a_beam_executor_works_in_the_shared_folder(
    mount: Path, shared: Path, monkeypatch: pytest.MonkeyPatch, sharing: bool
) -> None:
    """Through the entry point: the executor sees shared places, the launcher and KFP see theirs."""
    from pipeline.runners.kubeflow.entrypoint import main

    monkeypatch.setattr(sys, "argv", ["entrypoint"])
    if sharing:
        monkeypatch.setenv("PLUMBLINE_SHARED", str(shared))
    examples = "s3://bucket/runs/flights/run-1/ArrowExampleGen/salt/examples"
    (Path(local_path(examples)) / "deep").mkdir(parents=True)
    (Path(local_path(examples)) / "deep" / "in.txt").write_text("from the store")
    types = {"examples": "tfx.Examples", "statistics": "tfx.ExampleStatistics"}
    definitions = {"artifacts": {name: {"artifactType": {"schemaTitle": title}} for name, title in types.items()}}
    made = {"name": "statistics", "uri": f"{ROOT}/statistics", "type": {"schemaTitle": types["statistics"]}}
    executor_input = {
        "inputs": {"artifacts": {"examples": {"artifacts": [{"name": "7", "uri": examples}]}}},
        "outputs": {
            "artifacts": {"statistics": {"artifacts": [made]}},
            "outputFile": local_path(f"{ROOT}/output_metadata.json"),
        },
    }
    code = main(
        [
            *("--executor_class_path", "tests.pipeline.runners.kubeflow.where.Where"),
            *("--json_serialized_invocation_args", json.dumps(executor_input)),
            *("--json_serialized_inputs_spec_args", json.dumps(definitions)),
            "--runner=FnApiRunner",
        ]
    )
    assert code == 0
    said = json.loads((Path(local_path(f"{ROOT}/statistics")) / "deep" / "where.json").read_text())
    assert said["read"] == "from the store"
    for place in ("input", "output", "temporary"):
        assert Path(said[place]).is_relative_to(shared) is sharing, place
    (artifact,) = json.loads(Path(local_path(f"{ROOT}/output_metadata.json")).read_text())["artifacts"]["statistics"][
        "artifacts"
    ]
    assert artifact["uri"] == f"{ROOT}/statistics"
    assert list(shared.iterdir()) == []
