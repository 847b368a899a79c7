"""Fits the model of an image column: its size, and the principal components of its coefficients."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.shared.images.image_column import BLOCK_IMAGES, ImageModel, coefficients
from components.shared.progress import report_progress

SMALLEST, LARGEST = 16, 64
"""Range of the size if it is "auto"."""
FIT_CELLS = 1 << 26
"""Maximum images x coefficients for the principal components, 256 MB."""
COLOURED = 0.02
"""Share of the sampled images with colour from which the channels are 3 if they are "auto"."""


@dataclass(frozen=True)
class ImageSettings:
    """Section [image] of pipeline.toml, see pipeline/settings/sections/image.py; 0 means "auto"."""

    size: int = 0
    channels: int = 0
    dimensions: int = 64
    max_fit_rows: int = 5_000
    seed: int = 13

    @classmethod
    def of(cls, table: Mapping[str, Any] | None) -> "ImageSettings":
        """Reads the section; missing keys have their defaults, keys of other steps are left out."""
        known = {key: value for key, value in dict(table or {}).items() if key in cls.__dataclass_fields__}
        return cls(**{key: 0 if value == "auto" else value for key, value in known.items()})


def learn(name: str, images: Sequence[bytes], buckets: int, settings: ImageSettings) -> ImageModel:
    """Fits an image model to a sample of a column's images; the label is not used.

    Args:
      name: Name of the column.
      images: Encoded images, at least one, none empty.
      buckets: Number of quantile buckets.
      settings: Section [image].
    """
    report_progress(f"images {name}: {len(images):,} images")
    size = settings.size or automatic_size(images)
    channels = settings.channels or automatic_channels(images)
    found, local = _coefficients(images, size, channels)
    mean, spread = found.mean(axis=0), np.maximum(found.std(axis=0), 1e-3)
    centred = found - mean
    first = _components(centred[:, :local], settings.dimensions - settings.dimensions // 2, settings.seed)
    # The pooled coefficients have different units, so they are standardised.
    second = _components(centred[:, local:] / spread[local:], settings.dimensions // 2, settings.seed)
    directions = np.zeros((len(mean), first.shape[1] + second.shape[1]), np.float32)
    directions[:local, : first.shape[1]] = first
    directions[local:, first.shape[1] :] = second / spread[local:, None]
    columns = tuple(f"{name}#{number}" for number in range(1, directions.shape[1] + 1))
    ranks = np.linspace(0, 1, buckets + 1)[1:-1]
    quantiles = np.quantile(centred @ directions, ranks, axis=0).T.astype(np.float32)
    report_progress("")
    return ImageModel(size, channels, mean, directions, columns, quantiles)


def automatic_size(images: Sequence[bytes]) -> int:
    """Returns the median of the larger sides as a multiple of 8, between SMALLEST and LARGEST."""
    from PIL import Image

    sides = []
    for content in images[:500]:
        with Image.open(io.BytesIO(content)) as image:
            sides.append(max(image.size))
    return int(np.clip(round(float(np.median(sides)) / 8) * 8, SMALLEST, LARGEST))


def automatic_channels(images: Sequence[bytes]) -> int:
    """Returns 3 if enough images have colour, also by their pixels: greyscale photographs are often stored as RGB."""
    from PIL import Image

    coloured = 0
    for content in images[:500]:
        with Image.open(io.BytesIO(content)) as image:
            if image.mode in ("1", "L", "LA", "I") or image.mode.startswith("I;"):
                continue
            image.draft("RGB", (64, 64))
            pixels = np.asarray(image.convert("RGB").resize((32, 32)), np.int16)
        coloured += int((pixels.max(axis=2) - pixels.min(axis=2)).mean() > 2)
    return 3 if coloured > COLOURED * min(len(images), 500) else 1


def _coefficients(images: Sequence[bytes], size: int, channels: int) -> tuple[np.ndarray, int]:
    """Coefficients by the graph that is served, float32 [N, P], and the number of local ones, which come first.

    N is smaller than the number of images if P is large; these are evenly spaced.
    """
    import tensorflow as tf

    from components.shared.images.pixels import decoded_pixels

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def computed(some: tf.Tensor) -> tf.Tensor:
        return coefficients(decoded_pixels(some, size, channels))

    local, pooled = (int(one.shape[1]) for one in computed.get_concrete_function().structured_outputs)
    width = local + pooled
    most = max(FIT_CELLS // width, 100)
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), most)).astype(int))
    parts = []
    for start in range(0, len(chosen), BLOCK_IMAGES):
        some = [images[at] for at in chosen[start : start + BLOCK_IMAGES]]
        parts.append(np.concatenate([one.numpy() for one in computed(tf.constant(some, tf.string))], axis=1))
        report_progress("image coefficients", start, len(chosen))
    return np.concatenate(parts), local


def _components(centred: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    """Principal components [P, D], divided by the standard deviation of the rows along the first."""
    from sklearn.utils.extmath import randomized_svd

    rows, width = centred.shape
    count = min(dimensions, max(rows // 8, 1), width)
    _, strengths, right = randomized_svd(centred, count, n_iter=3, random_state=seed)
    first = max(float(strengths[0]) / np.sqrt(max(rows - 1, 1)), 1e-6)
    found: np.ndarray = (right.T / first).astype(np.float32)
    return found
