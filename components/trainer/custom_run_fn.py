"""Runs a user's `run_fn` in place of Plumbline's, and checks the SavedModel that it wrote."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components.shared.custom_module import KEY, call
from components.shared.errors import ConfigError
from components.shared.serving.serving_contract import (
    CLASS,
    CLASSES,
    OUTPUTS,
    SERVE_EXAMPLES,
    SERVING_DEFAULT,
    TRANSFORM_LABELS,
)

DECISIONS = {"binary": (CLASS,), "multiclass": (CLASSES,), "regression": ()}
"""Outputs of serve_examples by task, beside the output from which metrics are computed."""


def run_own(fn_args: Any) -> None:
    """Calls the user's run_fn and checks the SavedModel that it wrote.

    Args:
      fn_args: TFX's FnArgs; `custom_config` names the user's module.

    Raises:
      ConfigError: run_fn failed or wrote no SavedModel, or a signature or output is missing.
    """
    module = fn_args.custom_config[KEY]
    fn_args.custom_config = {name: value for name, value in fn_args.custom_config.items() if name not in (KEY, "code")}
    call(module, "run_fn", fn_args)
    _check(fn_args.serving_model_dir, module["file"], fn_args.custom_config["dataset"])


def _check(folder: str, file: str, dataset: Mapping[str, Any]) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    if not tf.io.gfile.exists(f"{folder}/saved_model.pb"):
        raise ConfigError(f"{file}: run_fn wrote no SavedModel to fn_args.serving_model_dir; save the model there")
    saved = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(f"{folder}/saved_model.pb", "rb") as content:
        saved.ParseFromString(content.read())
    found = saved.meta_graphs[0].signature_def
    available = ", ".join(sorted(name for name in found if not name.startswith("__"))) or "none"
    task = dataset["task"]
    # Signatures and outputs that later components and model servers read.
    required = {SERVING_DEFAULT: (), SERVE_EXAMPLES: (OUTPUTS[task], *DECISIONS[task]), TRANSFORM_LABELS: ()}
    for name, outputs in required.items():
        if name not in found:
            raise ConfigError(
                f"{file}: the model that run_fn saved has no signature {name}; available: {available}; "
                "components.trainer.exporting.save_served writes all signatures"
            )
        if missing := [output for output in outputs if output not in found[name].outputs]:
            raise ConfigError(
                f"{file}: signature {name} of the model that run_fn saved lacks the output {missing[0]} of a "
                f"{task} task; available: {', '.join(sorted(found[name].outputs))}"
            )
