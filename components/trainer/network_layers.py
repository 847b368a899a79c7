"""The network: an ensemble of multilayer perceptrons with shared hidden layers, on embedded columns.

Categorical values are embedded; numbers, which arrive as quantile ranks, are encoded piecewise linearly (Gorishniy,
Rubachev, Babenko: On Embeddings for Numerical Features, arXiv 2203.05556); other columns are used unchanged. k
perceptrons are computed in one batch: each multiplies the inputs by its own vector, shares the hidden layers, and has
its own output layer (TabM-mini, Gorishniy, Kotelnikov, Babenko, arXiv 2410.24210). The training loss is the mean of
their losses; the prediction is the mean of their probabilities. Images pass through convolutional layers first, see
convolutional_layers.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.trainer.convolutional_layers import CONVOLUTION_COST, FEATURES, convolutions, convolved

EMBEDDING = 8
"""Dimensions of the embedding of a categorical value; few, because most values of a large vocabulary are rare."""
PIECES = 16
"""Intervals of the piecewise-linear encoding."""
HARMONICS = 3
"""Multiples of a cycle's frequency among the inputs of the network."""


@dataclass(frozen=True)
class Shape:
    """Input and output sizes of a network.

    Attributes:
      widths: Columns of each input matrix by name.
      ids: Size of the joint vocabulary.
      outputs: Outputs per row: 1 for binary and regression, the number of classes K for multiclass.
      images: Height, width and channels of each matrix of pixels by name.
    """

    widths: Mapping[str, int]
    ids: int
    outputs: int
    images: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


def multiplications(shape: Shape, settings: Mapping[str, Any]) -> int:
    """Returns the multiplications per row of a forward pass through all dense layers, those of convolutions weighted.

    Args:
      shape: Input and output sizes.
      settings: Section `training` of pipeline.toml.
    """
    encoded = {"categorical": EMBEDDING, "numeric": 1 + PIECES, "cyclical": HARMONICS, "missing": 1}
    inputs = sum(width * encoded[name] for name, width in shape.widths.items()) + FEATURES * len(shape.images)
    layers = [inputs + 1, *settings["hidden_units"], shape.outputs]
    dense = int(settings["members"]) * sum(before * after for before, after in pairwise(layers))
    return dense + CONVOLUTION_COST * sum(convolutions(*image) for image in shape.images.values())


def build_model(shape: Shape, settings: Mapping[str, Any]) -> keras.Model:
    """Builds the untrained network.

    Args:
      shape: Input and output sizes.
      settings: Section `training` of pipeline.toml.

    Returns:
      A model from a dict of matrices (see components/transform/preprocessing.py) to float32 [N, k, outputs]: for each
      member a logit (binary), K logits (multiclass) or a value of the standardised label (regression).
    """
    inputs = {
        name: keras.Input((width,), dtype="int32" if name == "categorical" else "float32", name=name)
        for name, width in shape.widths.items()
    }
    pictures = {name: keras.Input(image, dtype="uint8", name=name) for name, image in shape.images.items()}
    seen = [convolved(picture, settings.get("augmentation", {})) for picture in pictures.values()]
    inputs_of_members = [*_encode(inputs, shape, settings["dropout"]), *seen]
    x = keras.layers.Concatenate()([*inputs_of_members, _ones(inputs)])
    x = Members(settings["members"])(x)
    for units in settings["hidden_units"]:
        x = keras.layers.Dense(units, activation="relu")(x)
        x = keras.layers.Dropout(settings["dropout"])(x)
    return keras.Model({**inputs, **pictures}, Heads(shape.outputs)(x))


def _encode(inputs: dict[str, keras.KerasTensor], shape: Shape, dropout: float) -> list[keras.KerasTensor]:
    """Encodes the inputs as float matrices."""
    encoded = []
    if "categorical" in inputs:
        columns = shape.widths["categorical"]
        start = keras.initializers.RandomNormal(stddev=0.1)
        x = keras.layers.Embedding(shape.ids, EMBEDDING, embeddings_initializer=start)(inputs["categorical"])
        # Dropout of whole embeddings, so that the network does not depend on a single column.
        x = keras.layers.Dropout(dropout, noise_shape=(None, columns, 1))(x)
        encoded.append(keras.layers.Reshape((columns * EMBEDDING,))(x))
    if "numeric" in inputs:
        encoded += [inputs["numeric"], PiecewiseLinear(PIECES)(inputs["numeric"])]
    if "cyclical" in inputs:
        encoded.append(Harmonics(HARMONICS)(inputs["cyclical"]))
    if "missing" in inputs:
        encoded.append(inputs["missing"])
    return encoded


def _ones(inputs: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
    """A column of ones: multiplied by a member's vector, it is the member's bias."""
    first = next(iter(inputs.values()))
    return keras.ops.ones_like(first[:, :1], dtype="float32")


class PiecewiseLinear(keras.layers.Layer):
    """Piecewise-linear encoding: [N, F] in [-1, 1] to [N, F * pieces] in [0, 1], over intervals of equal width."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Computes e_t = min(max((x - b_t) / (b_t+1 - b_t), 0), 1), formula 2 of arXiv 2203.05556."""
        width = 2.0 / self.pieces
        edges = np.arange(self.pieces, dtype=np.float32) * width - 1.0
        reach = tf.clip_by_value((x[:, :, None] - edges) / width, 0.0, 1.0)
        return tf.reshape(reach, [-1, x.shape[1] * self.pieces])


class Harmonics(keras.layers.Layer):
    """Maps [N, 2K] of sin a, cos a to [N, 2K * count] of sin and cos of a, 2a, .. count * a; (0, 0) stays 0."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Computes the multiples by the angle addition theorems."""
        sine, cosine = x[:, 0::2], x[:, 1::2]
        terms = [sine, cosine]
        for _ in range(self.count - 1):
            terms += [terms[-2] * cosine + terms[-1] * sine, terms[-1] * cosine - terms[-2] * sine]
        return tf.concat(terms, axis=1)


class Members(keras.layers.Layer):
    """Maps [N, D] to [N, k, D]: multiplies the inputs by a trained vector per member, initialised with random signs."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the k vectors."""
        self.scale = self.add_weight(shape=(self.count, input_shape[-1]), initializer=_signs, name="scale")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Multiplies the inputs by the vector of each member."""
        return x[:, None, :] * self.scale


def _signs(shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
    """Random initial values -1 and 1."""
    return tf.sign(keras.random.uniform(shape, -1.0, 1.0, dtype=dtype or "float32"))


class Heads(keras.layers.Layer):
    """Output layers: [N, k, D] to [N, k, outputs], a linear layer per member."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Creates k weight matrices [D, outputs] and k biases."""
        _, members, width = input_shape
        bound = width**-0.5
        start = keras.initializers.RandomUniform(-bound, bound)
        self.kernel = self.add_weight(shape=(members, width, self.outputs), initializer=start, name="kernel")
        self.bias = self.add_weight(shape=(members, self.outputs), initializer="zeros", name="bias")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Applies the output layer of each member."""
        return tf.einsum("nkd,kdo->nko", x, self.kernel) + self.bias
