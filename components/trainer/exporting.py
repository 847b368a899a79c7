"""For a `run_fn` of one's own: read the rows, save the model with the signatures that evaluation and servers call.

    def run_fn(fn_args):
        rows = read_rows(fn_args)
        model = ...  # learns from rows; transformed features by name -> [N, outputs]
        save_served(fn_args, model)

See own.py for who calls it.
"""

import json
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.features.derived_features import sent
from components.shared.serving.serving_contract import DECISION_THRESHOLD
from components.trainer.raw_inputs import SentAsText
from components.trainer.signatures import Model, ServedModel, predictor
from components.trainer.training import class_names, labelled_rows
from components.trainer.training_columns import Columns

LOGIT_ENDS = 1e-7
"""A probability this close to 0 or 1 is as far as a logit goes."""


def read_rows(fn_args: Any) -> Columns:
    """All labelled rows of the train split, transformed: `features` matrices [N, ...] by name, `labels` [N].

    They come in the order of time where the data has spans, else in a drawn one. A multiclass label is its index in
    `names_of_classes`. Raises InputError when the labels cannot be learned from.
    """
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    factory = fn_args.data_accessor.record_batch_factory
    return labelled_rows(fn_args.train_files, factory, _schema(fn_args), transform, fn_args.custom_config)


def names_of_classes(fn_args: Any) -> list[str]:
    """Names of a multiclass label by index: the vocabulary `label` of the preprocessing. Empty for other tasks."""
    return class_names(tft.TFTransformOutput(fn_args.transform_graph_path), fn_args.custom_config["dataset"]["task"])


def save_served(
    fn_args: Any,
    model: Model,
    *,
    probabilities: bool = False,
    threshold: float = 0.5,
    center: float = 0.0,
    spread: float = 1.0,
) -> None:
    """Writes the SavedModel to fn_args.serving_model_dir, with the signatures that signatures.py describes.

    Args:
      fn_args: As TFX gives it to run_fn.
      model: A Keras model, or something else whose variables TensorFlow can save, which takes transformed features by
        name (read_rows' matrices as tensors) and returns [N, 1], or [N, K] for K classes: logits, or the number.
      probabilities: The model returns probabilities instead of logits.
      threshold: From which probability on a binary task says class 1.
      center: A regression answers output * spread + center; 0 and 1 where the model was taught the label itself.
      spread: See `center`.
    """
    tables = fn_args.custom_config
    features, dataset = tables["features"], tables["dataset"]
    names = sent(features)
    predict = predictor(dataset["task"], names_of_classes(fn_args), center, spread, threshold)
    logits = _LOGITS[dataset["task"]] if probabilities else tf.identity
    served = ServedModel(
        model,
        tft.TFTransformOutput(fn_args.transform_graph_path),
        _schema(fn_args),
        names,
        features.get("categorical", ()),
        dataset["label"],
        lambda outputs: predict(logits(tf.cast(outputs, tf.float32))),
        SentAsText.of(features),
    )
    served.save(fn_args.serving_model_dir)
    if dataset["task"] == "binary":
        path = f"{fn_args.serving_model_dir}/{DECISION_THRESHOLD}"
        tf.io.gfile.makedirs(path.rpartition("/")[0])
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(json.dumps({"threshold": threshold}) + "\n")


def _schema(fn_args: Any) -> schema_pb2.Schema:
    with tf.io.gfile.GFile(fn_args.schema_path) as file:
        return text_format.Parse(file.read(), schema_pb2.Schema())


def _logit(probability: tf.Tensor) -> tf.Tensor:
    inside = tf.clip_by_value(probability, LOGIT_ENDS, 1 - LOGIT_ENDS)
    return tf.math.log(inside) - tf.math.log1p(-inside)


_LOGITS: dict[str, Any] = {
    "binary": _logit,
    "multiclass": lambda probabilities: tf.math.log(tf.maximum(probabilities, LOGIT_ENDS)),
    "regression": tf.identity,
}
