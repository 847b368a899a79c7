from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)

from serving.errors import ServingError
from serving.models.loaded_model import LoadedModel
from serving.models.warmup import WARMUP_REQUESTS, WarmedUp, made_up, recorded_requests, warm_up
from tests.serving.models.saved_models import write_model


def predict_log(x: list[float], signature: str = "serving_default") -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(name="m", signature_name=signature),
        inputs={"x": tf.make_tensor_proto(x, tf.float32), "text": tf.make_tensor_proto([b"jfk"] * len(x))},
    )
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def example(x: float) -> tf.train.Example:
    return tf.train.Example(
        features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=[x]))})
    )


def examples_input(*values: float) -> input_pb2.Input:
    return input_pb2.Input(example_list=input_pb2.ExampleList(examples=[example(x) for x in values]))


@pytest.fixture
def folder(tmp_path: Path, models: dict[float, Path]) -> Path:
    return copytree(models[2.0], tmp_path / "model")


def record(folder: Path, *logs: prediction_log_pb2.PredictionLog) -> None:
    path = folder / WARMUP_REQUESTS
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def test_recorded_requests_are_read_as_tensorflow_serving_wrote_them(folder: Path) -> None:
    spec = model_pb2.ModelSpec(signature_name="examples")
    classify = classification_pb2.ClassificationRequest(model_spec=spec, input=examples_input(1.0, 2.0))
    context = input_pb2.Input(
        example_list_with_context=input_pb2.ExampleListWithContext(examples=[tf.train.Example()], context=example(4.0))
    )
    regress = regression_pb2.RegressionRequest(model_spec=spec, input=context)
    log = prediction_log_pb2.PredictionLog
    record(
        folder,
        predict_log([1.0, 2.0], signature=""),
        log(classify_log=prediction_log_pb2.ClassifyLog(request=classify)),
        log(session_run_log=prediction_log_pb2.SessionRunLog()),
        log(regress_log=prediction_log_pb2.RegressLog(request=regress)),
    )
    found = list(recorded_requests(folder))
    assert [name for name, _ in found] == ["serving_default", "examples", "examples"]
    assert found[0][1]["x"].tolist() == [1, 2]
    assert found[0][1]["text"].tolist() == [b"jfk", b"jfk"]
    model = LoadedModel(folder, "m", 1)
    assert model.run(*found[1])["y"].tolist() == [2, 4]
    assert model.run(*found[2])["y"].tolist() == [8]  # the context's x
    assert warm_up(model, (1, 5)) == WarmedUp(3, (1, 5))


def test_without_recorded_requests_made_up_rows_are_sent(folder: Path) -> None:
    model = LoadedModel(folder, "m", 1)
    rows = made_up(model.signatures["serving_default"], 2)
    assert rows["x"].tolist() == [0, 0] and rows["x"].dtype == np.float32
    assert rows["text"].tolist() == [b"", b""]
    assert warm_up(model, (1, 64)) == WarmedUp(0, (1, 64))


def test_made_up_rows_may_be_refused_recorded_ones_may_not(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "a" / "model", 1.0, refused=10.0)
    model = LoadedModel(folder, "m", 1)
    assert warm_up(model, (2,)) == WarmedUp(0, (2,))
    record(folder, predict_log([11.0]), predict_log([9.0]))
    with pytest.raises(ServingError, match="x: below the least legal value"):
        warm_up(model)


def test_a_damaged_file_of_requests_is_refused(folder: Path) -> None:
    path = folder / WARMUP_REQUESTS
    record(folder, predict_log([1.0]))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="tf_serving_warmup_requests: is not a TFRecord file of PredictionLog"):
        list(recorded_requests(folder))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(ValueError, match="is not a TFRecord file of PredictionLog"):
        list(recorded_requests(folder))


def test_more_than_a_thousand_requests_are_refused_as_by_tensorflow_serving(folder: Path) -> None:
    record(folder, *[predict_log([1.0])] * 1001)
    with pytest.raises(ValueError, match="holds more than 1000 requests"):
        list(recorded_requests(folder))
