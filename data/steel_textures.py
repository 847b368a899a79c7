"""The surface of a good sheet: directional grain, roll marks, mottling, and the shading of its light."""

import dataclasses

import numpy as np

from data.steel_random import normal, uniform, white_noise
from data.steel_shapes import Fields, bell, grid, per_image, rotated, smooth

MARKS = 4
"""Roll marks per sheet, at most."""
SHARED_GRAIN = 0.6
"""Share of the variance of the grain that the photographs of a sheet have in common."""


@dataclasses.dataclass(frozen=True)
class Sheets:
    """Surfaces, an entry per sheet of a span.

    Attributes:
      angle: Direction of rolling (sheets,), radians; 0 is to the right.
      brightness: Difference of the reflected light from the mean (sheets,), grey levels.
      roughness: Standard deviation of the grain (sheets,), grey levels.
      along: Highest frequency of the grain along the direction of rolling (sheets,), cycles per width.
      across: Likewise across it.
      marks: Roll marks (sheets, MARKS, 3): position across the direction of rolling in widths from the middle, width in
        widths, and difference in grey levels.
    """

    angle: np.ndarray
    brightness: np.ndarray
    roughness: np.ndarray
    along: np.ndarray
    across: np.ndarray
    marks: np.ndarray


def draw_sheets(seed: int, span: int, count: int) -> Sheets:
    """Draws surfaces; a larger count begins with the same ones."""
    draws = uniform(seed, span, "marks", count * MARKS * 4).reshape(count, MARKS, 4)
    depth = np.where(draws[..., 0] < 0.4, 12.0 * (draws[..., 1] - 0.5), 0.0)
    return Sheets(
        angle=0.06 * normal(seed, span, "angle", count),
        brightness=7.0 * normal(seed, span, "brightness", count),
        roughness=4.0 + 4.5 * uniform(seed, span, "roughness", count),
        along=1.0 + 3.0 * uniform(seed, span, "along", count),
        across=9.0 + 9.0 * uniform(seed, span, "across", count),
        marks=np.stack([draws[..., 2] - 0.5, 0.01 + 0.05 * draws[..., 3], depth], axis=-1),
    )


def texture(seed: int, span: int, numbers: np.ndarray, sheet: np.ndarray, sheets: Sheets, size: int) -> Fields:
    """Returns the surface of good sheets (photographs, size, size): differences from the mean, in grey levels.

    Args:
      seed: The seed of the data set.
      span: 1 or more.
      numbers: Numbers of the photographs in the span (photographs,).
      sheet: Their sheets (photographs,).
      sheets: The surfaces.
      size: Pixels per side.
    """
    shown, place = np.unique(sheet, return_inverse=True)
    shared = white_noise(seed, span, "grain of sheet", shown, size)[place]
    own = white_noise(seed, span, "grain", numbers, size)
    noise = np.sqrt(SHARED_GRAIN) * shared + np.sqrt(1 - SHARED_GRAIN) * own
    angle = sheets.angle[sheet]
    grain = smooth(noise.astype(np.float32), sheets.along[sheet], sheets.across[sheet], angle)
    mottling = smooth(noise[:, ::-1].astype(np.float32), 2.5, 2.5)
    field = per_image(sheets.roughness[sheet]) * grain + 3.0 * mottling
    zero = np.zeros(len(numbers))
    _, across = rotated(size, zero, zero, angle)
    for mark in range(MARKS):
        position, width, depth = (per_image(column) for column in sheets.marks[sheet, mark].T)
        field += depth * bell(across - position, width)
    return field + _shading(seed, span, numbers, size)


def _shading(seed: int, span: int, numbers: np.ndarray, size: int) -> Fields:
    """A slope of the light of up to 12 grey levels from the middle to a border, and darker corners."""
    last = int(numbers.max()) + 1
    right, down = (per_image(24.0 * (uniform(seed, span, name, last)[numbers] - 0.5)) for name in ("right", "down"))
    dark = per_image(4.0 + 14.0 * uniform(seed, span, "corners", last)[numbers])
    x, y = grid(size)
    return 2 * right * x + 2 * down * y - dark * 2 * (x * x + y * y)
