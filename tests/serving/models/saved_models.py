"""Small SavedModels, written by TensorFlow, and registries of them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from components.registry.registry import Registry

EMPTY = b""


class Scaled(tf.Module):
    """y = factor * x, and the name of the text's place in a vocabulary; refuses a negative x."""

    def __init__(self, factor: float, vocabulary: str, refused: float) -> None:
        super().__init__()
        self.factor = tf.Variable(factor)
        self.refused = refused
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            ),
            -1,
        )

    def predict(self, x: tf.Tensor, text: tf.Tensor) -> dict[str, tf.Tensor]:
        check = tf.debugging.Assert(tf.reduce_all(x > self.refused), ["x: below the least legal value"])
        with tf.control_dependencies([check]):
            y = x * self.factor
        text = tf.broadcast_to(text, tf.shape(x))
        factors = tf.fill(tf.shape(x), tf.strings.as_string(self.factor.value(), precision=0))
        return {"y": y, "place": self.table.lookup(text), "text": text, "factor": factors}

    def examples(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32, 0.0)})
        return {"y": parsed["x"] * self.factor}


def write_model(folder: Path, factor: float, refused: float = -1e9) -> Path:
    """Writes a SavedModel: serving_default with inputs x and text (optional, default ""), and `examples`."""
    vocabulary = folder.parent / "vocabulary.txt"
    vocabulary.parent.mkdir(parents=True, exist_ok=True)
    vocabulary.write_text("ewr\njfk\nlga\n")
    module = Scaled(factor, str(vocabulary), refused)

    def by_name(x: tf.Tensor, text: tf.Tensor = tf.constant([EMPTY])) -> dict[str, tf.Tensor]:  # noqa: B008
        return module.predict(x, text)

    specs = [tf.TensorSpec(None, tf.float32, name="x"), tf.TensorSpec(None, tf.string, name="text")]
    signatures = {
        "serving_default": tf.function(by_name, input_signature=specs),
        "examples": tf.function(module.examples, input_signature=[tf.TensorSpec([None], tf.string, name="inputs")]),
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


def row(x: float = 3.0) -> dict[str, np.ndarray]:
    """Inputs of serving_default with one row."""
    return {"x": np.array([x], np.float32)}


def push(registry: Registry, model: Path) -> int:
    return registry.push(model, {"run_id": "test"})
