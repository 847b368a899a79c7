"""The fitted model of an image column, and the graph that converts its images to numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.shared.images.pixels import decoded_pixels
from components.shared.images.scattering import scattering

LARGEST_EMBEDDED = 32
"""Side from which pixels are averaged in pairs before the scattering, whose cost grows with their number."""
BLOCK_IMAGES = 256
"""Images that are processed at once; bounds memory for any batch."""


@dataclass(frozen=True, eq=False)
class ImageModel:
    """A fitted image column.

    Attributes:
      size: Width and height, in pixels, to which images are resized.
      channels: 1 for greyscale, 3 for RGB.
      mean: Mean of the scattering coefficients, float32 [P].
      directions: Principal components, float32 [P, D], scaled so that the first column has variance 1.
      columns: Names of the D numeric columns.
      quantiles: Float32 [D, buckets - 1], quantiles of these columns in the training rows.
      explained: Share of the variance of the coefficients that the D components explain, 0 to 1.
    """

    size: int
    channels: int
    mean: np.ndarray
    directions: np.ndarray
    columns: tuple[str, ...]
    quantiles: np.ndarray
    explained: float = 0.0


def coefficients(pixels: tf.Tensor) -> tf.Tensor:
    """Computes the scattering coefficients, float32 [N, P], of pixels, uint8 [N, S, S, C]."""
    size = int(pixels.shape[1])
    if size > LARGEST_EMBEDDED and size % 8 == 0:
        pooled = tf.nn.avg_pool2d(tf.cast(pixels, tf.float32), 2, 2, "VALID")
        return scattering(pooled)
    return scattering(pixels)


class ImageColumn(tf.Module):
    """Maps encoded images, string [N], to the numeric columns of an ImageModel, float32 [N, D]; NaN where missing."""

    def __init__(self, model: ImageModel, variables: bool = True) -> None:
        """Stores the arrays of `model` as variables or, with `variables` off, as constants of the calling graph."""
        super().__init__()
        keep: Any = (lambda array: tf.Variable(array, trainable=False)) if variables else (lambda array: array)
        self.columns = tuple(model.columns)
        self.size, self.channels = model.size, model.channels
        self._mean = keep(model.mean.astype(np.float32))
        self._directions = keep(model.directions.astype(np.float32))

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the numeric columns."""
        count = tf.size(images)

        def step(begin: tf.Tensor, found: tf.TensorArray, number: tf.Tensor) -> tuple[Any, ...]:
            end = tf.minimum(begin + BLOCK_IMAGES, count)
            return end, found.write(number, self._block(images[begin:end])), number + 1

        empty = tf.TensorArray(
            tf.float32, 0, dynamic_size=True, infer_shape=False, element_shape=[None, len(self.columns)]
        )
        _, found, blocks = tf.while_loop(
            lambda begin, found, number: begin < count,
            step,
            (tf.constant(0), empty, tf.constant(0)),
            parallel_iterations=1,
        )
        several = tf.cond(blocks > 0, found.concat, lambda: tf.zeros([0, len(self.columns)], tf.float32))
        return tf.ensure_shape(several, [None, len(self.columns)])

    def pixels(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the decoded images, uint8 [N, S, S, C]; a missing image is grey."""
        return decoded_pixels(images, self.size, self.channels)

    def _block(self, images: tf.Tensor) -> tf.Tensor:
        pixels = decoded_pixels(images, self.size, self.channels)
        numbers = tf.matmul(coefficients(pixels) - self._mean, self._directions)
        return tf.where((images == "")[:, None], tf.constant(float("nan")), numbers)
