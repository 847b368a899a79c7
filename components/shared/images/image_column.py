"""The fitted model of an image column, and the graph that converts its images to numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.shared.features.block_loop import in_blocks
from components.shared.images.pixels import decoded_pixels
from components.shared.images.scattering import CHANNELS, STRIDE, scattering

LARGEST_EMBEDDED = 32
"""Side from which pixels are averaged in pairs before the scattering, whose cost grows with their number."""
SMALL = 0.01
"""Added to coefficients before the logarithm, about the noise of a camera."""
BLOCK_IMAGES = 256
"""Images that are processed at once; bounds memory for any batch."""


@dataclass(frozen=True, eq=False)
class ImageModel:
    """A fitted image column.

    Attributes:
      size: Width and height, in pixels, to which images are resized.
      channels: 1 for greyscale, 3 for RGB.
      mean: Mean of the coefficients, float32 [P].
      directions: Principal components of the local and, separately, of the pooled coefficients, float32 [P, D]; in both
        parts the first column has variance 1.
      columns: Names of the D numeric columns.
      quantiles: Float32 [D, buckets - 1], quantiles of these columns in the training rows.
    """

    size: int
    channels: int
    mean: np.ndarray
    directions: np.ndarray
    columns: tuple[str, ...]
    quantiles: np.ndarray


def coefficients(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes the coefficients of pixels, uint8 [N, S, S, C].

    Returns:
      Local coefficients, float32 [N, P1]: the scattering coefficients of each cell, which keep the layout; and pooled
      ones, float32 [N, P2]: eight statistics over the cells of the logarithm of each coefficient, which do not depend
      on where in the image something is.
    """
    size, colours = int(pixels.shape[1]), int(pixels.shape[3])
    if size > LARGEST_EMBEDDED and size % 8 == 0:
        pixels, size = tf.nn.avg_pool2d(tf.cast(pixels, tf.float32), 2, 2, "VALID"), size // 2
    local = scattering(pixels)
    cells = (size // STRIDE) ** 2
    by_colour = tf.reshape(local, [-1, colours, cells, CHANNELS])
    return local, tf.reshape(_pooled(tf.math.log(by_colour + SMALL), cells), [-1, 8 * colours * CHANNELS])


def _pooled(logs: tf.Tensor, cells: int) -> tf.Tensor:
    """Mean, standard deviation and six quantiles, relative to the median, of [..., cells, CHANNELS] over the cells."""
    ordered = tf.sort(logs, axis=-2)
    middle = ordered[..., cells // 2, :]
    places = [cells - 1, cells - 2, cells - 1 - cells // 16, cells - 1 - cells // 8, 0, cells // 16]
    parts = [ordered[..., at, :] - middle for at in places]
    spread = tf.math.reduce_std(logs, axis=-2)
    return tf.concat([tf.reduce_mean(logs, axis=-2), spread, *parts], axis=-1)


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
        return in_blocks(images, len(self.columns), lambda begin: tf.minimum(begin + BLOCK_IMAGES, count), self._block)

    def pixels(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the decoded images, uint8 [N, S, S, C]; a missing image is grey."""
        return decoded_pixels(images, self.size, self.channels)

    def _block(self, images: tf.Tensor) -> tf.Tensor:
        pixels = decoded_pixels(images, self.size, self.channels)
        numbers = tf.matmul(tf.concat(coefficients(pixels), axis=1) - self._mean, self._directions)
        return tf.where((images == "")[:, None], tf.constant(float("nan")), numbers)
