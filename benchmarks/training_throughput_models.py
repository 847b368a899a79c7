"""Two models, each of which is trained through the stock template's input path and through ours.

`plumbline` is the network of components/trainer on four matrices; `template` is a wide and deep network to the contract
of the one in TFX's taxi template (two linear layers of 16 and 8 on the numbers, categories and buckets in one-hot code,
Adam at 0.001), with an input per column.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.training_throughput_data import OnDisk, id_counts

HIDDEN_UNITS = (16, 8)
LEARNING_RATE = 0.001
SEED = 13


def compiled(data: OnDisk, features: Mapping[str, np.ndarray], steps_per_execution: int, template_run: bool) -> Any:
    """A model for the rows of `data`, ready to be fitted.

    Args:
      data: Decides which of the two.
      features: Its matrices, for their widths.
      steps_per_execution: As in Keras.
      template_run: Compiled as the template does it, under MirroredStrategy, by Keras' defaults; without, as we do.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    how: dict[str, Any] = {"steps_per_execution": steps_per_execution, "jit_compile": False}
    with contextlib.ExitStack() as stack:
        if template_run:
            stack.enter_context(tf.distribute.MirroredStrategy().scope())
            how = {}
        if data.kind == "template":
            model = _wide_and_deep(data)
            model.compile(
                keras.optimizers.Adam(LEARNING_RATE),
                "binary_crossentropy",
                metrics=[keras.metrics.BinaryAccuracy()],
                **how,
            )
            return model
        from components.trainer.network_layers import Shape, build_model
        from components.trainer.network_losses import member_loss

        settings = data.config.model_dump(mode="json")["training"]
        widths = {name: matrix.shape[1] for name, matrix in features.items()}
        ids = data.graph.vocabulary_size_by_name("categorical") + 2 * widths.get("categorical", 0)
        model = build_model(Shape(widths, ids, 1), settings)
        optimizer = keras.optimizers.AdamW(settings["learning_rate"], weight_decay=settings["weight_decay"])
        model.compile(optimizer, member_loss("binary"), **how)
        return model


def _wide_and_deep(data: OnDisk) -> Any:
    import keras

    columns = data.config.model_dump(mode="json")["features"]
    ids = id_counts(data.graph, columns)
    numbers = {name: keras.Input((1,), name=name, dtype="float32") for name in columns["numeric"]}
    codes = {name: keras.Input((1,), name=name, dtype="int32") for name in ids}
    deep = keras.layers.Concatenate()([keras.layers.Normalization()(column) for column in numbers.values()])
    for units in HIDDEN_UNITS:
        deep = keras.layers.Dense(units)(deep)
    wide = [keras.layers.CategoryEncoding(num_tokens=ids[name])(column) for name, column in codes.items()]
    answer = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Concatenate()([deep, *wide]))
    return keras.Model({**numbers, **codes}, answer)
