"""Two saved models asked about the same examples."""

import gzip
import json
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from components.predictor.prediction import predict
from components.shared.artifacts import integrity
from components.shared.errors import InputError
from components.shared.examples.example_reading import record_batches
from components.shared.serving.predictions import write_predictions
from components.shared.serving.serving_contract import SavedModel
from pipeline.run_history.compare_intervals import EvalPredictions, intervals, metric_calculators, slice_keys


def test_slices_of_an_evaluation():
    config = {"slicingSpecs": [{}, {"featureKeys": ["origin"]}, {"featureKeys": ["origin", "carrier"]}]}
    assert slice_keys(json.dumps(config)) == [["origin"], ["origin", "carrier"]]
    assert slice_keys("") == slice_keys("[]") == slice_keys("{}") == []


def test_classes_are_matched_by_name():
    labels, places = np.array([0.0, 1.0, 2.0]), np.arange(3)
    after = EvalPredictions("multiclass", np.eye(3), labels, places, ("a", "b", "c"))
    # The earlier model has its classes in another order, and does not know b.
    answers = np.array([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]])
    before = EvalPredictions("multiclass", answers, labels, places, ("c", "a"))
    one, other = metric_calculators(before, after)
    assert other(np.ones(3))[0] == 1.0
    assert one(np.ones(3))[0] == pytest.approx(2 / 3)


def test_what_is_gone_is_named(tmp_path):
    with pytest.raises(InputError, match="the eval examples were deleted"):
        intervals((str(tmp_path), str(tmp_path)), str(tmp_path / "Split-eval"), [])
    _records(tmp_path / "Split-eval" / "data_tfrecord-00000-of-00001.gz", [b"x"])
    with pytest.raises(InputError, match="the model was deleted"):
        intervals((str(tmp_path), str(tmp_path)), str(tmp_path / "Split-eval"), [])


def _records(path: Path, records: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        for record in records:
            file.write(struct.pack("<QI", len(record), 0) + record + struct.pack("<I", 0))


@pytest.mark.slow
def test_models_are_asked_anew(tmp_path):
    import pyarrow as pa
    import tensorflow as tf

    from components.arrow_example_gen.example_encoding import write_examples

    random = np.random.default_rng(0)
    label = random.integers(0, 2, 400)
    x = label + random.normal(size=400)
    table = pa.table({"x": x, "origin": np.where(np.arange(400) % 4, "JFK", "EWR"), "y": label})
    examples = tmp_path / "Split-eval"
    examples.mkdir()
    for number in range(2):
        name = f"data_tfrecord-0000{number}-of-00002.gz"
        write_examples(table.slice(number * 200, 200).to_batches(), str(examples / name))

    def save(folder: Path, noise: float) -> str:
        module = tf.Module()
        text = tf.TensorSpec([None], tf.string, name="examples")

        def column(serialized, name, kind):
            return tf.io.parse_example(serialized, {name: tf.io.FixedLenFeature([], kind)})[name]

        @tf.function(input_signature=[text])
        def serve(examples):
            value = column(examples, "x", tf.float32)
            return {"probability": tf.sigmoid(value + noise * tf.sin(1000 * value)), "class": tf.cast(value, tf.int64)}

        @tf.function(input_signature=[text])
        def labels(examples):
            return {"transformed_label": tf.cast(column(examples, "y", tf.int64), tf.float32)}

        tf.saved_model.save(
            module, str(folder / "Format-Serving"), {"serve_examples": serve, "transform_labels": labels}
        )
        return str(folder)

    models = save(tmp_path / "worse", 3.0), save(tmp_path / "better", 0.0)
    found = intervals(models, str(examples), [["origin"]], (0.6, 0.6), resamples=100)
    assert found.rows == 400
    assert found.metrics["auc"].after == pytest.approx(metrics.roc_auc_score(label, x), abs=1e-6)
    assert found.metrics["auc"].excludes_zero
    assert found.metrics["auc"].low > 0
    ewr = np.arange(400) % 4 == 0
    assert set(found.slices) == {"origin=EWR", "origin=JFK"}
    assert found.slices["origin=EWR"]["auc"].after == pytest.approx(metrics.roc_auc_score(label[ewr], x[ewr]), abs=1e-6)

    # The same from predictions that were kept, without a model; of other rows they are of no use.
    kept = []
    for number, folder in enumerate(models):
        model = {"candidate": SavedModel(Path(folder) / "Format-Serving")}
        tables, about = predict(record_batches(str(examples)), model, "binary", "y")
        write_predictions(tmp_path / str(number), tables, about)
        kept.append(str(tmp_path / str(number)))
    nowhere = str(tmp_path / "gone"), str(tmp_path / "gone")
    again = intervals(nowhere, str(examples), [["origin"]], (0.6, 0.6), 100, (kept[0], kept[1]))
    assert again == found
    write_predictions(tmp_path / "0", tables, replace(about, digest="other rows"))
    with pytest.raises(InputError, match="the model was deleted"):
        intervals(nowhere, str(examples), [["origin"]], (0.6, 0.6), 100, (kept[0], kept[1]))
    assert intervals(models, str(examples), [["origin"]], (0.6, 0.6), 100, (kept[0], kept[1])) == found

    # No model runs that is not as it was written: by its record, or by what the metadata say of it.
    made = integrity.record(models[0])
    assert intervals(models, str(examples), [["origin"]], (0.6, 0.6), 100) == found
    graph = Path(models[0]) / "Format-Serving" / "saved_model.pb"
    content, stat = bytearray(graph.read_bytes()), graph.stat()
    content[-1] ^= 1
    graph.write_bytes(content)
    os.utime(graph, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    remedy = r"; set it aside \(plumbline doctor --digests --repair\), and run again"
    with pytest.raises(InputError, match=f"worse: Format-Serving/saved_model.pb has other bytes.*{remedy}"):
        intervals(models, str(examples), [["origin"]], (0.6, 0.6), 100)
    integrity.forget(models[0])
    with pytest.raises(InputError, match="worse: has other bytes than were written"):
        intervals(models, str(examples), [["origin"]], (0.6, 0.6), 100, contents={models[0]: made.content})

    integrity.record(str(tmp_path))  # of the examples: the artifact is the folder of the splits
    shard = examples / "data_tfrecord-00000-of-00002.gz"
    shard.unlink()
    with pytest.raises(InputError, match="Split-eval/data_tfrecord-00000-of-00002.gz is missing"):
        intervals(models, str(examples), [["origin"]], (0.6, 0.6), 100)
