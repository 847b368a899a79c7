"""A `run_fn` of one's own in place of ours: called, and what it saved looked at before anything builds on it."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components.errors import ConfigError
from components.own_module import KEY, call

SIGNATURES = {
    "binary": {"serving_default": (), "serve_examples": ("probability", "class"), "transform_labels": ()},
    "multiclass": {"serving_default": (), "serve_examples": ("probabilities", "classes"), "transform_labels": ()},
    "regression": {"serving_default": (), "serve_examples": ("prediction",), "transform_labels": ()},
}
"""Task -> signatures that the steps after the Trainer, and servers, call -> outputs that they read."""


def run_own(fn_args: Any) -> None:
    """Calls the run_fn of the module in fn_args.custom_config and checks what it wrote; ConfigError says what lacks."""
    own = fn_args.custom_config[KEY]
    fn_args.custom_config = {name: value for name, value in fn_args.custom_config.items() if name not in (KEY, "code")}
    call(own, "run_fn", fn_args)
    _check(fn_args.serving_model_dir, own["file"], fn_args.custom_config["dataset"])


def _check(folder: str, file: str, dataset: Mapping[str, Any]) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    if not tf.io.gfile.exists(f"{folder}/saved_model.pb"):
        raise ConfigError(f"{file}: run_fn wrote no SavedModel to fn_args.serving_model_dir; save the model there")
    saved = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(f"{folder}/saved_model.pb", "rb") as content:
        saved.ParseFromString(content.read())
    found = saved.meta_graphs[0].signature_def
    there = ", ".join(sorted(name for name in found if not name.startswith("__"))) or "none"
    for name, outputs in SIGNATURES[dataset["task"]].items():
        if name not in found:
            raise ConfigError(
                f"{file}: the model that run_fn saved has no signature {name}; it has: {there}; "
                "save_served of components.trainer.exporting gives it all"
            )
        if lacking := [output for output in outputs if output not in found[name].outputs]:
            raise ConfigError(
                f"{file}: signature {name} of the model that run_fn saved does not answer {lacking[0]}, as a "
                f"{dataset['task']} task does; it answers: {', '.join(sorted(found[name].outputs))}"
            )
