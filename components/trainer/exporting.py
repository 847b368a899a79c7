"""Functions for a user's `run_fn`: read the training rows, save the model with the signatures that Plumbline calls.

    def run_fn(fn_args):
        rows = read_rows(fn_args)
        model = ...  # fitted on rows; maps transformed features by name to [N, outputs]
        save_served(fn_args, model)

custom_run_fn.py calls the user's function.
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
from components.trainer.training_columns import TrainingColumns

LOGIT_ENDS = 1e-7
"""Probabilities are clipped to [LOGIT_ENDS, 1 - LOGIT_ENDS] before logits are computed."""


def read_rows(fn_args: Any) -> TrainingColumns:
    """Returns all labelled rows of the train split, transformed.

    Args:
      fn_args: TFX's FnArgs, as passed to run_fn.

    Returns:
      `features`, matrices [N, ...] by name, and `labels`, [N]. Rows are ordered in time if the data has spans, else
      shuffled. A multiclass label is an index into `names_of_classes`.

    Raises:
      InputError: The labels cannot be trained on, such as a single class.
    """
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    factory = fn_args.data_accessor.record_batch_factory
    return labelled_rows(fn_args.train_files, factory, _schema(fn_args), transform, fn_args.custom_config)


def names_of_classes(fn_args: Any) -> list[str]:
    """Returns the class names of a multiclass label by index (vocabulary `label` of Transform); [] for other tasks."""
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
    """Writes the SavedModel to fn_args.serving_model_dir, with the signatures of signatures.py.

    Args:
      fn_args: TFX's FnArgs, as passed to run_fn.
      model: A Keras model or another trackable object that maps transformed features by name (the matrices of
        `read_rows` as tensors) to [N, 1], or [N, K] for K classes: logits, or the predicted number.
      probabilities: Whether the model returns probabilities instead of logits.
      threshold: Decision threshold of a binary task, in [0, 1].
      center: A regression predicts output * spread + center; keep 0 and 1 if the model was fitted on the label itself.
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
