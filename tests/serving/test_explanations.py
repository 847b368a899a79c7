"""Explanations of SavedModels through their signature, with the recorded requests as background rows."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from serving.errors import ServingError, Status
from serving.explanations import Explainer, log_odds
from serving.models.loaded_model import LoadedModel
from serving.models.signatures import SERVING_INPUTS
from serving.models.warmup import WARMUP_REQUESTS

Row = dict[str, Any]
BACKGROUND: list[Row] = [
    {"delay": 0.0, "origin": b"ewr", "distance": 100.0},
    {"delay": 4.0, "origin": b"jfk", "distance": 100.0},
    {"delay": 2.0, "origin": b"lga", "distance": np.nan},
]
"""Logits 0.5 delay + 1 if jfk - 2 if the distance is missing: 0, 3 and -1, with mean 2/3."""
ROW: Row = {"delay": 6.0, "origin": b"jfk", "distance": 100.0}
"""Logit 4. Contributions: 0.5 (6 - 2) = 2; 1 - 1/3; 0 - -2/3."""
EXPECTED = {"departure delay": 2.0, "origin": 2 / 3, "distance": 2 / 3}
CLASSES = [b"early", b"on time", b"late"]


class Flights(tf.Module):
    """A linear score, answered as a binary, a multiclass or a regression model does."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task

    def serve(self, delay: tf.Tensor, origin: tf.Tensor, distance: tf.Tensor) -> dict[str, tf.Tensor]:
        score = 0.5 * delay + tf.where(origin == b"jfk", 1.0, 0.0) - tf.where(tf.math.is_nan(distance), 2.0, 0.0)
        if self.task == "regression":
            return {"prediction": score}
        if self.task == "binary":
            return {"probability": tf.sigmoid(score), "class": tf.cast(score >= 0, tf.int64)}
        if self.task == "other":
            return {"score": score}
        # Class 2 has the score, classes 0 and 1 have 0 each: its log-odds are the score - ln 2.
        zeros = tf.zeros_like(score)
        probabilities = tf.nn.softmax(tf.stack([zeros, zeros, score], axis=1))
        classes = tf.tile(tf.constant([CLASSES]), [tf.shape(score)[0], 1])
        return {"probabilities": probabilities, "classes": classes}


def record(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with tf.io.TFRecordWriter(str(folder / WARMUP_REQUESTS)) as writer:
        for row in rows:
            spec = model_pb2.ModelSpec(signature_name="serving_default")
            types = {"origin": tf.string, "delay": tf.float32, "distance": tf.float32}
            inputs = {name: tf.make_tensor_proto([value], types[name]) for name, value in row.items()}
            request = predict_pb2.PredictRequest(model_spec=spec, inputs=inputs)
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def saved(folder: Path, task: str, rows: Sequence[Mapping[str, Any]] = BACKGROUND, positive: str = "") -> LoadedModel:
    module = Flights(task)

    def by_name(
        delay: tf.Tensor,
        origin: tf.Tensor,
        distance: tf.Tensor = tf.constant([np.nan]),  # noqa: B008
    ) -> dict[str, tf.Tensor]:
        return module.serve(delay, origin, tf.broadcast_to(distance, tf.shape(delay)))

    types = {"delay": tf.float32, "origin": tf.string, "distance": tf.float32}
    specs = [tf.TensorSpec(None, dtype, name=name) for name, dtype in types.items()]
    served = tf.function(by_name, input_signature=specs)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": served})
    (folder / "assets.extra").mkdir()
    inputs = {"delay": "departure delay", "origin": "origin", "distance": "distance"}
    about = {"inputs": inputs, "task": task, "positive": positive}
    (folder / SERVING_INPUTS).write_text(json.dumps(about))
    if rows:
        record(folder, rows)
    return LoadedModel(folder, "flights", 1)


def sent(*rows: Row) -> dict[str, np.ndarray]:
    types = {"delay": np.float32, "origin": object, "distance": np.float32}
    return {name: np.array([row[name] for row in rows], types[name]) for name in rows[0]}


def parts(explanation: Mapping[str, Any]) -> dict[str, float]:
    return {part["feature"]: part["contribution"] for part in explanation["contributions"]}


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return saved(tmp_path_factory.mktemp("binary") / "model", "binary", positive="late")


def test_a_binary_model_is_explained_by_its_logit(binary: LoadedModel) -> None:
    (found,) = Explainer(binary).explain(sent(ROW), 5)
    assert found["scale"] == "logit" and found["class"] == "late"
    assert found["base_value"] == pytest.approx(2 / 3, rel=1e-5)
    assert found["output"] == pytest.approx(4, rel=1e-5)
    assert parts(found) == pytest.approx(EXPECTED, rel=1e-4)
    assert found["other_features"] == 0
    assert found["contributions"][0]["value"] == 6.0
    # 0.5 (6 - 0), 0.5 (6 - 4), 0.5 (6 - 2): standard deviation 1
    assert found["contributions"][0]["standard_error"] == pytest.approx(1 / math.sqrt(3), rel=1e-4)
    json.dumps(found, allow_nan=False)


def test_the_features_that_are_not_named_are_summed(binary: LoadedModel) -> None:
    for top in (1, 2, 3):
        (found,) = Explainer(binary).explain(sent(ROW), top)
        assert len(found["contributions"]) == top
        total = sum(parts(found).values()) + found["other_features"]
        assert total == pytest.approx(found["output"] - found["base_value"], rel=1e-5)
    (found,) = Explainer(binary).explain(sent(ROW), 1)
    assert parts(found) == pytest.approx({"departure delay": 2.0}, rel=1e-4)
    assert found["other_features"] == pytest.approx(4 / 3, rel=1e-4)


def test_a_row_has_the_same_explanation_alone_and_among_others(binary: LoadedModel) -> None:
    explainer = Explainer(binary)
    other: Row = {"delay": -3.0, "origin": b"lga", "distance": np.nan}
    both = explainer.explain(sent(ROW, other), 3)
    assert both == [*explainer.explain(sent(ROW), 3), *explainer.explain(sent(other), 3)]
    values = {part["feature"]: part["value"] for part in both[1]["contributions"]}
    assert values == {"departure delay": -3.0, "origin": "lga", "distance": None}


def test_an_input_that_is_not_sent_has_its_default(binary: LoadedModel) -> None:
    explainer = Explainer(binary)
    without = {name: column for name, column in sent(ROW).items() if name != "distance"}
    assert explainer.explain(without, 3) == explainer.explain(sent({**ROW, "distance": np.nan}), 3)


def test_columns_of_one_value_each_are_rows(binary: LoadedModel) -> None:
    explainer = Explainer(binary)
    columns = {name: column.reshape(-1, 1) for name, column in sent(ROW, ROW).items()}
    assert explainer.explain(columns, 3) == explainer.explain(sent(ROW, ROW), 3)


def test_a_regression_is_explained_in_its_unit(tmp_path: Path) -> None:
    (found,) = Explainer(saved(tmp_path / "model", "regression")).explain(sent(ROW), 3)
    assert found["scale"] == "prediction" and "class" not in found
    assert (found["base_value"], found["output"]) == pytest.approx((2 / 3, 4))
    assert parts(found) == pytest.approx(EXPECTED)


def test_a_multiclass_model_is_explained_by_the_logit_of_the_most_probable_class(tmp_path: Path) -> None:
    explainer = Explainer(saved(tmp_path / "model", "multiclass"))
    late, early = explainer.explain(sent(ROW, {**ROW, "delay": -8.0}), 3)
    assert late["class"] == "late" and late["scale"] == "logit"
    assert (late["base_value"], late["output"]) == pytest.approx((2 / 3 - math.log(2), 4 - math.log(2)), rel=1e-5)
    assert parts(late) == pytest.approx(EXPECTED, rel=1e-4)
    # Score -3: classes 0 and 1 are equally probable, the first of them is explained.
    assert early["class"] == "early"
    assert early["output"] == pytest.approx(-math.log(1 + math.exp(-3)), rel=1e-5)
    assert sum(parts(early).values()) == pytest.approx(early["output"] - early["base_value"], rel=1e-5)


def test_a_probability_of_one_has_a_finite_explanation(binary: LoadedModel) -> None:
    sure = {**ROW, "delay": 200.0}  # float32 has no probability between that of a logit of 16.6 and 1
    (found,) = Explainer(binary).explain(sent(sure), 3)
    assert found["output"] == pytest.approx(math.log(2**25 - 1))
    assert sum(parts(found).values()) == pytest.approx(found["output"] - found["base_value"], rel=1e-9)


def test_log_odds_of_the_ends_are_finite_and_symmetric() -> None:
    limit = math.log(2**25 - 1)
    assert log_odds(np.array([0.0, 0.5, 1.0], np.float32)) == pytest.approx([-limit, 0, limit])
    # 1 - p is known better from the other classes than from p.
    others = np.array([1e-6])
    assert log_odds(np.array([1 - 1e-6], np.float32), others) == pytest.approx(math.log(1e6), rel=1e-6)
    assert np.isnan(log_odds(np.array([np.nan]))).all()


def test_all_permutations_are_used_where_the_model_rows_allow_it(binary: LoadedModel) -> None:
    explainer = Explainer(binary)
    assert explainer.permutations >= math.factorial(3)
    assert Explainer(binary, evaluations=1).permutations == 2
    assert Explainer(binary, most_background=2).background["delay"].tolist() == [0, 4]


def test_more_rows_than_allowed_are_refused(binary: LoadedModel) -> None:
    assert len(Explainer(binary, most_rows=2).explain(sent(ROW, ROW), 1)) == 2
    with pytest.raises(ServingError, match="explain: 3 rows; at most 2 rows of one request") as error:
        Explainer(binary, most_rows=2).explain(sent(ROW, ROW, ROW), 1)
    assert error.value.status is Status.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros(1)}, "x: is not an input"),
        ({"delay": np.zeros(2, np.float32)}, "must have the same number of rows"),
        ({"delay": np.float32(1)}, "must have the same number of rows"),
        ({"delay": np.zeros((1, 2), np.float32)}, r"delay: has shape \(2,\) in a row, the background rows have \(\)"),
        ({"delay": np.array([b"x"], object)}, "delay: is not of type FLOAT"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(binary: LoadedModel, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ServingError, match=message) as error:
        Explainer(binary).explain(sent(ROW) | changes, 1)
    assert error.value.status is Status.INVALID_ARGUMENT


def test_a_missing_input_without_default_is_refused(binary: LoadedModel) -> None:
    with pytest.raises(ServingError, match="delay: is missing"):
        Explainer(binary).explain({"origin": np.array([b"jfk"], object)}, 1)


def test_an_output_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    explainer = Explainer(saved(tmp_path / "model", "regression"))
    with pytest.raises(ServingError, match="row 1: cannot be explained: a prediction is NaN") as error:
        explainer.explain(sent(ROW, {**ROW, "delay": np.inf}), 1)
    assert error.value.status is Status.FAILED_PRECONDITION


def test_a_request_whose_time_is_over_ends(binary: LoadedModel) -> None:
    explainer = Explainer(binary)
    assert explainer.explain(sent(ROW), 1, deadline=time.monotonic() + 60)
    with pytest.raises(ServingError) as error:
        explainer.explain(sent(ROW), 1, deadline=time.monotonic())
    assert error.value.status is Status.DEADLINE_EXCEEDED


def test_a_model_without_recorded_rows_is_told_to_be_trained_again(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="no background rows recorded; train again") as error:
        Explainer(saved(tmp_path / "model", "binary", rows=[]))
    assert error.value.status is Status.FAILED_PRECONDITION


def test_a_damaged_file_of_rows_is_named(tmp_path: Path) -> None:
    model = saved(tmp_path / "model", "binary")
    path = model.folder / WARMUP_REQUESTS
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ServingError, match="no background rows: assets.extra/.* is not a TFRecord file") as error:
        Explainer(model)
    assert error.value.status is Status.FAILED_PRECONDITION


def test_a_model_with_unknown_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="none of the outputs probability, probabilities, prediction") as error:
        Explainer(saved(tmp_path / "model", "other"))
    assert error.value.status is Status.FAILED_PRECONDITION


def test_recorded_rows_may_lack_an_optional_input(tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "distance"} for row in BACKGROUND]
    explainer = Explainer(saved(tmp_path / "model", "binary", rows=rows))
    assert np.isnan(explainer.background["distance"]).all()
