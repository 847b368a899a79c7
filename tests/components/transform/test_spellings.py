"""Spellings of one value are one category in a served graph, for both kinds of graphs."""

from pathlib import Path

import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata import schema_utils

from components.shared.spellings.canonical_spellings import KEY
from components.trainer.raw_inputs import raw_inputs
from components.transform.analysis import analyse_batches
from components.transform.freezing import write_transform_graph
from components.transform.matrices import write_matrices
from components.transform.preprocessing import SKETCH_ERROR
from components.transform.scaling import QUANTILES

TABLES = {
    "dataset": {"label": "left", "task": "multiclass"},
    "features": {"categorical": ["plan", "city"], "min_count": 1},
    KEY: {"plan": {"Pro ": "pro", "PRO": "pro", "Basic": "basic"}, "left": {"yes": "Yes"}},
}
TRAIN = {"plan": [b"pro", b"basic", b"pro"], "city": [b"PRO", b"x", b"x"], "left": [b"Yes", b"No", b"Yes"]}
SENT = {"plan": ["PRO", "Pro ", "Basic", "plus", ""], "city": ["PRO", "pro", "x", "x", "x"]}
MEANT = {"plan": ["pro", "pro", "basic", "plus", ""], "city": ["PRO", "pro", "x", "x", "x"]}


def test_raw_spellings_are_served_as_their_canonical_values(tmp_path: Path) -> None:
    batch = pa.record_batch({name: pa.array([[one] for one in column]) for name, column in TRAIN.items()})
    specs = {name: tf.io.VarLenFeature(tf.string) for name in TRAIN}
    facts = analyse_batches([batch], TABLES, QUANTILES, SKETCH_ERROR)
    write_transform_graph(facts, schema_utils.schema_from_feature_spec(specs), TABLES, str(tmp_path))
    output = tft.TFTransformOutput(str(tmp_path))
    layer = raw_inputs(output, specs, ["plan", "city"], ["plan", "city"], "left")
    write_matrices(facts, tf.string, TABLES, str(tmp_path))
    matrices = raw_inputs(output, specs, ["plan", "city"], ["plan", "city"], "left")
    assert type(layer) is not type(matrices)
    for inputs in (layer, matrices):
        sent, meant = (
            inputs.of_columns({name: tf.constant(column) for name, column in columns.items()}, ())["categorical"]
            for columns in (SENT, MEANT)
        )
        assert sent.numpy().tolist() == meant.numpy().tolist()
        assert sent.numpy()[0, 0] == sent.numpy()[1, 0] != sent.numpy()[2, 0]
        assert sent.numpy()[0, 1] != sent.numpy()[1, 1]  # a spelling of another column
        example = tf.train.Example()
        example.features.feature["left"].bytes_list.value.append(b"yes")
        assert inputs.label(tf.constant([example.SerializeToString()])).numpy().tolist() == [0]


def test_tft_analyzers_see_canonical_values(tmp_path: Path) -> None:
    """The analysis of a distributed runner, without the graph of matrices."""
    import tensorflow_transform.beam as tft_beam

    from components.transform.preprocessing import preprocessing_fn

    rows = [{"plan": plan, "city": b"x", "left": b"Yes"} for plan in (b"PRO", b"pro", b"Pro ", b"basic")]
    metadata = tft.DatasetMetadata.from_feature_spec({name: tf.io.FixedLenFeature([], tf.string) for name in TRAIN})
    with tft_beam.Context(temp_dir=str(tmp_path)):
        (found, _), _ = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing_fn(inputs, TABLES)
        )
    ids = [row["categorical"][0] for row in found]
    assert ids[0] == ids[1] == ids[2] != ids[3]
