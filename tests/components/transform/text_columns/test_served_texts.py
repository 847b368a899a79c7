"""Text columns through all paths from raw rows to matrices: training, both graphs of a served model, and columns."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata import schema_utils

from components.shared.errors import ConfigError
from components.shared.features.transform_matrices import load_matrices
from components.trainer.raw_inputs import ByLayer, ByMatrices
from components.transform.analysis import analyse_batches
from components.transform.freezing import write_transform_graph
from components.transform.matrices import write_matrices
from components.transform.preprocessing import SKETCH_ERROR, preprocessing_fn
from components.transform.scaling import QUANTILES
from components.transform.value_check import check_values
from tests.components.transform.text_columns.test_text_columns import AWKWARD, texts_of

TABLES = {
    "dataset": {"label": "y", "task": "binary", "positive": "yes"},
    "features": {"numeric": ["x", "big"], "cyclical": {"hour": 24.0}, "text": ["note", "title"]},
    "text": {"dimensions": 3, "folds": 3},
    "spellings": {"note": {"n/a": "nothing said"}},
}
MATRICES = ("cyclical", "missing", "numeric", "standardized")


def rows() -> dict[str, list]:
    texts = [*AWKWARD, b"n/a", *texts_of(280)]
    count = len(texts)
    return {
        "note": texts,
        "title": [text[:10] for text in reversed(texts)],
        "x": np.linspace(-1, 1, count).astype(np.float32).tolist(),
        "big": [1_700_000_000_000 + at for at in range(count)],
        "hour": [at % 24 for at in range(count)],
        "y": [b"yes" if b"good" in text else b"no" for text in texts],
    }


@pytest.mark.slow
def test_all_paths_give_the_same_values(tmp_path: Path) -> None:
    columns = rows()
    batch = pa.RecordBatch.from_pydict(
        {name: pa.array([[cell] for cell in cells], pa.list_(_type(cells[-1]))) for name, cells in columns.items()}
    )
    types = {"note": tf.string, "title": tf.string, "x": tf.float32, "big": tf.int64, "hour": tf.int64, "y": tf.string}
    specs = {name: tf.io.VarLenFeature(kind) for name, kind in types.items()}
    facts = analyse_batches([batch], TABLES, QUANTILES, SKETCH_ERROR)
    write_transform_graph(facts, schema_utils.schema_from_feature_spec(specs), TABLES, str(tmp_path))
    module = write_matrices(facts, tf.string, TABLES, str(tmp_path))
    output = tft.TFTransformOutput(str(tmp_path))
    matrices = load_matrices(output)
    assert matrices is not None

    trained = matrices.transformed(batch)
    assert trained["numeric"].shape == (len(columns["note"]), 2 + 2 * 4)
    assert trained["missing"][0, 2:6].all()  # an empty note
    assert not np.array_equal(trained["numeric"][:, 2], trained["numeric"][:, 6])
    names = ["x", "big", "hour", "note", "title"]
    served, layer = ByMatrices(matrices, specs), ByLayer(output.transform_features_layer(), specs, names, (), "y")
    examples = tf.constant([_example(columns, at) for at in range(len(columns["note"]))])
    by_name = {name: tf.constant(columns[name], tf.float64 if name == "big" else None) for name in names}
    by_name["hour"] = tf.cast(by_name["hour"], tf.float32)
    ways = (served.of_examples(examples), served.of_columns(by_name, names), layer.of_examples(examples))
    for way in ways:
        for name in MATRICES:
            np.testing.assert_allclose(way[name], trained[name], atol=2e-3 if name == "numeric" else 1e-3, err_msg=name)
    # A spelling of [data.values] is replaced by its canonical value.
    one, other = (
        served.of_columns({**by_name, "note": tf.fill([len(columns["note"])], text)}, names)
        for text in ("n/a", "nothing said")
    )
    np.testing.assert_array_equal(one["numeric"], other["numeric"])
    kept = check_values(module, TABLES["features"], facts.large, facts.learned)
    assert {one.column for one in kept} == {"x", "big", "hour"}
    assert not any(one.finding for one in kept)


def test_texts_as_the_only_features(tmp_path: Path) -> None:
    tables = {**TABLES, "features": {"text": ["note"]}}
    texts = texts_of(200).tolist()
    labels = [b"yes" if b"good" in text else b"no" for text in texts]
    batch = pa.RecordBatch.from_pydict(
        {"note": [[text] for text in texts], "y": [[label] for label in labels]},
        pa.schema({"note": pa.list_(pa.binary()), "y": pa.list_(pa.binary())}),
    )
    facts = analyse_batches([batch], tables, QUANTILES, SKETCH_ERROR)
    write_matrices(facts, tf.string, tables, str(tmp_path))
    matrices = load_matrices_of(tmp_path)
    found = matrices.transformed(batch)
    assert found["numeric"].shape == (200, 4)
    assert abs(np.corrcoef(found["numeric"][:, 3], np.array(labels) == b"yes")[0, 1]) > 0.5
    empty = batch.slice(0, 0)
    assert matrices.transformed(empty)["numeric"].shape == (0, 4)


def load_matrices_of(folder: Path):
    class Output:
        transform_savedmodel_dir = str(folder / "transform_fn")

    return load_matrices(Output)


def test_distributed_runner_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\[features\]: note: models of texts and images are fitted in one process"):
        preprocessing_fn(
            {"note": tf.constant([b"a"]), "y": tf.constant([b"yes"])}, {**TABLES, "features": {"text": ["note"]}}
        )


def _type(cell: object) -> pa.DataType:
    return pa.binary() if isinstance(cell, bytes) else pa.int64() if isinstance(cell, int) else pa.float32()


def _example(columns: dict[str, list], at: int) -> bytes:
    example = tf.train.Example()
    for name, cells in columns.items():
        feature, cell = example.features.feature[name], cells[at]
        kinds = {bytes: feature.bytes_list, int: feature.int64_list, float: feature.float_list}
        kinds[type(cell)].value.append(cell)
    return example.SerializeToString()
