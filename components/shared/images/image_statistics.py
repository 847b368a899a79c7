"""Statistics of an image, which TFDV, drift and error analysis see as numeric columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import entr

from components.shared.images.decoding import channels, luma

if TYPE_CHECKING:
    from PIL.Image import Image


def image_statistics(image: Image, size: tuple[int, int]) -> tuple[float, ...]:
    """Computes the statistics of a decoded image, in the order of PARTS.

    width, height  pixels of the file
    channels       1 or 3
    brightness     mean luma, 0 (black) to 1 (white)
    contrast       standard deviation of the luma, 0 to 0.5 (RMS contrast; Peli, J. Opt. Soc. Am. A 7, 1990)
    sharpness      standard deviation of the Laplacian of the luma, 0 to 4 (its square is the focus measure of
                   Pech-Pacheco et al., ICPR 2000)
    entropy        Shannon entropy of the 256 grey levels, 0 to 8 bits

    Args:
      image: The image; may be decoded at a lower resolution.
      size: Width and height of the file.
    """
    grey = luma(image)
    shares = np.bincount(grey.ravel(), minlength=256) / float(grey.size)
    levels = np.arange(256) / 255.0
    mean = float(shares @ levels)
    deviation = float(shares @ (levels - mean) ** 2) ** 0.5
    entropy = float(np.sum(entr(shares)) / np.log(2))
    return (*map(float, size), float(channels(image)), mean, deviation, _sharpness(grey), entropy)


def _sharpness(grey: np.ndarray) -> float:
    if min(grey.shape) < 3:
        return 0.0
    wide = grey.astype(np.int16)
    laplacian = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]
    return float(laplacian.std()) / 255.0
