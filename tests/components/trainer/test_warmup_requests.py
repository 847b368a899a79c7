"""Rows of the train split that the Trainer stores as requests, in the format of TensorFlow Serving."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from components.shared.serving.served_texts import listed, moments
from components.shared.serving.serving_contract import WARMUP_REQUESTS
from components.trainer.raw_inputs import SentAsText
from components.trainer.warmup_requests import sent_cells, value_tensor
from serving.models.loaded_model import LoadedModel
from serving.models.warmup import recorded_requests, warm_up


def test_moments_and_lists_are_sent_as_the_model_parses_them() -> None:
    days, micros = [-719_162, -1, 15_706, 2_932_896], [-62_135_596_800_000_000, -1, 0, 253_402_300_799_999_999]
    batch = pa.RecordBatch.from_pydict(
        {
            "day": pa.array([[days[0]], [days[1]], [days[2]], [days[3]], None, [3_000_000]], pa.large_list(pa.int64())),
            "at": pa.array([[one] for one in micros] + [[], [2**62]], pa.large_list(pa.int64())),
            "tags": pa.array([[b"a", b"\xff"], [], None, [b"b"], [b"c"], [b"d"]], pa.large_list(pa.large_binary())),
            "scores": pa.array([[0.5, -1.0], [], None, [3.0], [1e-30], [2.0]], pa.large_list(pa.float32())),
        }
    )
    texts = SentAsText({"day": "date", "at": "timestamp"}, {"tags": ";", "scores": "|"})
    found = {name: sent_cells(batch, name, tf.string, texts) for name in batch.schema.names}
    assert found["day"].tolist() == [b"0001-01-01", b"1969-12-31", b"2013-01-01", b"9999-12-31", b"", b""]
    missing = -(2**63)
    assert moments(tf.constant(found["day"]), "date", "day").numpy().tolist() == [*days, missing, missing]
    assert found["at"][1] == b"1969-12-31T23:59:59.999999Z"
    assert moments(tf.constant(found["at"]), "timestamp", "at").numpy().tolist() == [*micros, missing, missing]
    assert found["tags"].tolist() == [b"a;\xff", b"", b"", b"b", b"c", b"d"]
    scores = tf.sparse.to_dense(listed(tf.constant(found["scores"]), "|", tf.float32)).numpy()
    np.testing.assert_array_equal(scores, np.float32([[0.5, -1], [0, 0], [0, 0], [3, 0], [1e-30, 0], [2, 0]]))


def test_one_value_is_written_as_tensorflow_writes_it() -> None:
    cells = [np.float32([np.nan]), np.float32([0.1]), np.float64([1e300]), np.int64([-(2**63)])]
    cells += [np.array([text], object) for text in (b"", b"\xff\x00", "é".encode())]
    for one in cells:
        dtype = tf.string if one.dtype == object else tf.as_dtype(one.dtype)
        assert value_tensor(one, dtype).SerializeToString() == tf.make_tensor_proto(one, dtype).SerializeToString()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_requests_are_rows_of_the_train_split(project: Any, encode: Any, task: str) -> None:
    folder = project(task).train("warm", warmup_rows=8)
    requests = list(recorded_requests(folder))
    assert [name for name, _ in requests] == ["serving_default"] * 8
    rows = [project(task).rows[number * 300 // 8] for number in range(8)]  # one file, evenly spread
    assert [request["minute"][0] for _, request in requests] == pytest.approx(
        [np.nan if row["minute"] is None else row["minute"] for row in rows], nan_ok=True
    )
    model = LoadedModel(folder, "m", 1)
    expected = model.run("serve_examples", {"examples": np.array(encode(rows), object)})
    batch = {name: np.concatenate([request[name] for _, request in requests]) for name in requests[0][1]}
    for output, values in model.run("serving_default", batch).items():
        np.testing.assert_array_equal(values, expected[output])
    assert warm_up(model, (1, 20)).recorded == 8
    assert model.about.kinds["grade"] == "integer_category"


@pytest.mark.slow
def test_the_same_rows_give_the_same_file_and_0_none(project: Any, trained: Any) -> None:
    first = (project("binary").train("warm", warmup_rows=8) / WARMUP_REQUESTS).read_bytes()
    assert (project("binary").train("warm again", warmup_rows=8) / WARMUP_REQUESTS).read_bytes() == first
    assert not (project("binary").train("none", warmup_rows=0) / WARMUP_REQUESTS).exists()


@pytest.mark.slow
def test_more_rows_than_there_are_give_every_row_once(project: Any) -> None:
    path = project("binary").train("many", warmup_rows=1000) / WARMUP_REQUESTS
    logs = [prediction_log_pb2.PredictionLog.FromString(one.numpy()) for one in tf.data.TFRecordDataset(str(path))]
    assert len(logs) == 300
    assert Path(path).stat().st_size < 300 * 1000
