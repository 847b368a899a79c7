"""The Tuner component: it writes the Trainer's input, and the Trainer uses it."""

import json
import types

import pytest

from components.trainer.training import run_fn
from tests.components.trainer.projects import TRAINING

pytestmark = pytest.mark.slow

BAD = TRAINING | {
    "model": "trees",
    "refit": False,
    "trees": {"n_estimators": 25, "num_leaves": 2, "learning_rate": 0.001, "l2": 1.0, "colsample_bytree": 1.0},
}


def tuned(project, folder, training):
    """Runs the component's executor on the synthetic rows; returns the artifact."""
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.types.artifact_utils import encode_split_names
    from tfx.types.standard_artifacts import Examples, HyperParameters, Schema, TransformGraph

    from components.tuner.component import Tuner

    examples, graph, schema, best = Examples(), TransformGraph(), Schema(), HyperParameters()
    examples.split_names = encode_split_names(["train"])
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.uri, graph.uri = str(folder / "examples"), str(project.folder / "transform")
    schema.uri, best.uri = str(folder / "schema"), str(folder / "artifacts" / "best_hyperparameters" / "7")
    (folder / "examples" / "Split-train").mkdir(parents=True)
    for file in project.folder.glob("data*"):
        (folder / "examples" / "Split-train" / file.name).symlink_to(file)
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").symlink_to(project.folder / "schema.pbtxt")
    (folder / "artifacts" / "best_hyperparameters" / "7").mkdir(parents=True)
    executor = Tuner.EXECUTOR_SPEC.executor_class(BaseExecutor.Context(tmp_dir=str(folder), unique_id="1"))
    properties = {
        "splits": json.dumps(["train"]),
        "tables": json.dumps(project.tables | {"training": training}),
        "settings": json.dumps({"trials": 3, "method": "random"}),
        "code": "",
    }
    inputs = {"examples": [examples], "transform_graph": [graph], "schema": [schema]}
    executor.Do(inputs, {"best_hyperparameters": [best]}, properties)
    return best


def test_best_settings_reach_the_trainer(project, tmp_path) -> None:
    from tfx.utils.io_utils import get_only_uri_in_dir

    made = project("binary")
    best = tuned(made, tmp_path, BAD)
    with open(get_only_uri_in_dir(best.uri), encoding="utf-8") as file:  # as the Trainer's executor reads it
        found = json.load(file)
    assert found["adopted"]
    assert found["trials"][0]["settings"] == {}
    assert all(trial["seconds"] > 0 and trial["failed"] is None for trial in found["trials"])
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["best_hyperparameters"]  # nothing left over

    def trained(name: str, hyperparameters) -> dict:
        run_fn(
            types.SimpleNamespace(
                train_files=[str(made.folder / "data*")],
                transform_graph_path=str(made.folder / "transform"),
                schema_path=str(made.folder / "schema.pbtxt"),
                serving_model_dir=str(tmp_path / name),
                model_run_dir=str(tmp_path / f"{name}-run"),
                custom_config=made.tables | {"training": BAD},
                data_accessor=types.SimpleNamespace(record_batch_factory=made.record_batches),
                hyperparameters=hyperparameters,
            )
        )
        report: dict = json.loads((tmp_path / f"{name}-run" / "training.json").read_text())
        return report

    before, after = trained("before", None), trained("after", found)
    assert before["tuned"] == {}
    assert after["tuned"] == found["settings"]
    # Fewer rows than a sample: the Trainer trains with the settings of the best trial.
    assert before["validation"]["log_loss"] == pytest.approx(found["before"], abs=1e-5)
    assert after["validation"]["log_loss"] == pytest.approx(found["after"], abs=1e-5)
