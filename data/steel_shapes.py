"""Shapes that several defects share: lines, soft spots, smooth random fields. All are batches of images, float32.

Lengths are in widths of the photograph, so that a shape is the same at any number of pixels.
"""

import numpy as np
from scipy import fft

Fields = np.ndarray
"""(images, height, width), float32."""


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns x (1, 1, size) and y (1, size, 1): the middles of the pixels, from -0.5 to 0.5; y points down."""
    middles = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5).astype(np.float32)
    return middles[None, None, :], middles[None, :, None]


def per_image(values: np.ndarray) -> np.ndarray:
    """Returns (images, 1, 1) for (images,): a value per image beside fields."""
    return np.asarray(values, np.float32)[:, None, None]


def rotated(size: int, x: np.ndarray, y: np.ndarray, angle: np.ndarray) -> tuple[Fields, Fields]:
    """Returns coordinates (u, v) of every pixel from the centre (x, y); u is along ``angle``, in radians."""
    across, down = grid(size)
    dx, dy = across - per_image(x), down - per_image(y)
    cosine, sine = per_image(np.cos(angle)), per_image(np.sin(angle))
    return dx * cosine + dy * sine, dy * cosine - dx * sine


def step(distance: np.ndarray, softness: float | np.ndarray) -> np.ndarray:
    """Returns 1 well inside (``distance`` > 0), 0 well outside, and a slope as wide as ``softness`` between them."""
    return 0.5 + 0.5 * np.tanh(distance / softness)


def bell(distance: np.ndarray, width: float | np.ndarray) -> np.ndarray:
    """Returns exp(-(distance / width)² / 2), 0 to 1."""
    return np.exp(-0.5 * np.square(distance / width))


def spots(u: Fields, v: Fields, centres: np.ndarray, radii: np.ndarray, stretch: np.ndarray) -> Fields:
    """Returns soft ellipses, 0 to 1; where several overlap, the strongest.

    Args:
      u: The coordinate along the ellipses, see ``rotated``.
      v: The coordinate across them.
      centres: (images, spots, 2), in u and v.
      radii: (images, spots), across; 0 draws no spot.
      stretch: (images, spots), length / width.
    """
    field = np.zeros(np.broadcast_shapes(u.shape, v.shape), np.float32)
    for spot in range(radii.shape[1]):
        drawn = np.flatnonzero(radii[:, spot] > 0)
        if not drawn.size:
            continue
        radius, long = per_image(radii[drawn, spot]), per_image(stretch[drawn, spot])
        du = (u[drawn] - per_image(centres[drawn, spot, 0])) / (radius * long)
        dv = (v[drawn] - per_image(centres[drawn, spot, 1])) / radius
        field[drawn] = np.maximum(field[drawn], np.exp(-np.square(du * du + dv * dv)))
    return field


def smooth(
    noise: Fields, along: np.ndarray | float, across: np.ndarray | float, angle: np.ndarray | float = 0.0
) -> Fields:
    """Filters white noise to a random field with mean 0 and standard deviation 1 per image.

    Args:
      noise: White noise; square images.
      along: Highest frequency in the direction ``angle``, in cycles per width; low values give long streaks.
      across: Highest frequency across it.
      angle: Radians; 0 is to the right. This and the former are per image, or one for all.
    """
    size = noise.shape[-1]
    right = fft.rfftfreq(size, 1 / size).astype(np.float32)[None, None, :]
    down = fft.fftfreq(size, 1 / size).astype(np.float32)[None, :, None]
    along, across, angle = (per_image(np.broadcast_to(value, len(noise))) for value in (along, across, angle))
    cosine, sine = np.cos(angle), np.sin(angle)
    transfer = bell(right * cosine + down * sine, along) * bell(down * cosine - right * sine, across)
    transfer[:, 0, 0] = 0.0  # the mean
    field = fft.irfft2(fft.rfft2(noise) * transfer, s=noise.shape[1:])
    return field / field.std(axis=(1, 2), keepdims=True)
