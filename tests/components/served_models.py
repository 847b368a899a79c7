"""Small models with the trainer's signatures, and splits for them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.shared.serving.serving_contract import SavedModel


def write_split(
    folder: Path,
    origins: Sequence[str | None],
    numbers: Sequence[float | None],
    labels: Sequence[int | str | None],
) -> str:
    """Columns `origin`, `n` and the label `y`; None is missing."""
    import tensorflow as tf

    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "rows-0.gz"), "GZIP") as file:
        for origin, number, label in zip(origins, numbers, labels, strict=True):
            example = tf.train.Example()
            feature = example.features.feature
            if origin is not None:
                feature["origin"].bytes_list.value.append(origin.encode())
            if number is not None:
                feature["n"].float_list.value.append(number)
            if isinstance(label, str):
                feature["y"].bytes_list.value.append(label.encode())
            elif label is not None:
                feature["y"].int64_list.value.append(label)
            file.write(example.SerializeToString())
    return str(folder)


def save_binary(folder: Path, slope: float, threshold: float | None = None) -> SavedModel:
    """probability = sigmoid(slope x n), missing as 0; with a threshold it has the output `class`, too."""
    import json

    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            found = tf.io.parse_example(examples, {"n": tf.io.FixedLenFeature([], tf.float32, 0.0)})
            probability = tf.sigmoid(slope * found["n"])
            if threshold is None:
                return {"probability": probability}
            return {"probability": probability, "class": tf.cast(probability >= threshold, tf.int64)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def labels(self, examples):
            found = tf.io.parse_example(examples, {"y": tf.io.FixedLenFeature([], tf.int64, -1)})
            label = tf.cast(found["y"], tf.float32)
            return {"transformed_label": tf.where(label < 0, float("nan"), label)}

    model = Model()
    _save(model, folder)
    if threshold is not None:
        (folder / "assets.extra").mkdir()
        (folder / "assets.extra" / "decision_threshold.json").write_text(json.dumps({"threshold": threshold}))
    return SavedModel(folder)


def save_multiclass(folder: Path, classes: Sequence[str], lean: float = 1.0) -> SavedModel:
    """logit of class k = lean x k x n; an unknown label has code -1."""
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            found = tf.io.parse_example(examples, {"n": tf.io.FixedLenFeature([], tf.float32, 0.0)})
            steps = tf.range(len(classes), dtype=tf.float32)
            names = tf.constant(list(classes))
            rows = tf.shape(examples)[0]
            probabilities = tf.nn.softmax(lean * found["n"][:, None] * steps[None])
            return {"probabilities": probabilities, "classes": tf.tile(names[None], [rows, 1])}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def labels(self, examples):
            found = tf.io.parse_example(examples, {"y": tf.io.FixedLenFeature([], tf.string, "")})["y"]
            same = tf.cast(found[:, None] == tf.constant(list(classes))[None], tf.int64)
            code = tf.where(tf.reduce_sum(same, axis=1) > 0, tf.argmax(same, axis=1), -1)
            return {"transformed_label": code}

    _save(Model(), folder)
    return SavedModel(folder)


def save_regression(folder: Path, slope: float) -> SavedModel:
    """prediction = slope x n."""
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            found = tf.io.parse_example(examples, {"n": tf.io.FixedLenFeature([], tf.float32, 0.0)})
            return {"prediction": slope * found["n"]}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def labels(self, examples):
            found = tf.io.parse_example(examples, {"y": tf.io.FixedLenFeature([], tf.int64, -1)})["y"]
            return {"transformed_label": tf.where(found < 0, float("nan"), tf.cast(found, tf.float32))}

    _save(Model(), folder)
    return SavedModel(folder)


def _save(model, folder: Path) -> None:
    import tensorflow as tf

    signatures = {"serve_examples": model.serve, "transform_labels": model.labels}
    tf.saved_model.save(model, str(folder), signatures=signatures)


def two_classes(rows: int, seed: int = 0) -> tuple[list[str | None], list[float | None], list[int | None]]:
    """Origins, numbers (none is 0, where a probability would equal a threshold) and labels that depend on them."""
    random = np.random.default_rng(seed)
    numbers = (random.normal(size=rows).round(3) + 0.0005).tolist()
    labels = [int(number + random.normal() > 0.5) for number in numbers]
    return [["EWR", "JFK"][row % 2] for row in range(rows)], numbers, labels
