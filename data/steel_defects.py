"""How each class of defect looks: a field per photograph, -1 (darkest) to about 1, times its contrast.

``DRAWN`` maps a class to its function; ``data.steel_labelers.INSTRUCTION`` says the same in words.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from data.steel_shapes import Fields, bell, per_image, rotated, smooth, spots, step

DETAILS = 96
"""Random numbers per photograph from which the shape is made."""
FULL_TURN = 2 * np.pi


@dataclasses.dataclass(frozen=True)
class Defects:
    """Defects of one class, a photograph each.

    Attributes:
      x: Centres (n,), in widths from the middle.
      y: Likewise, downwards.
      size: Extents (n,), in widths.
      angle: Direction of rolling (n,), radians.
      edge: Side of the edge that is seen (n,): -1 left, 1 right, 0 none.
      border: Distance of that edge from the border (n,), in widths.
      details: (n, DETAILS) in [0, 1).
      noise: White noise (n, pixels, pixels).
    """

    x: np.ndarray
    y: np.ndarray
    size: np.ndarray
    angle: np.ndarray
    edge: np.ndarray
    border: np.ndarray
    details: np.ndarray
    noise: Fields

    def coordinates(self, angle: np.ndarray) -> tuple[Fields, Fields]:
        """Returns coordinates from the centre, see ``rotated``."""
        return rotated(self.noise.shape[-1], self.x, self.y, angle)

    def detail(self, place: int, low: float, high: float) -> np.ndarray:
        """Returns (n, 1, 1): a random number of each photograph, low to high."""
        return per_image(low + (high - low) * self.details[:, place])

    def table(self, first: int, rows: int) -> np.ndarray:
        """Returns (n, rows): random numbers in [0, 1)."""
        return self.details[:, first : first + rows]


def scratch(found: Defects) -> Fields:
    """One or two thin lines, mostly along the direction of rolling, bright or dark; some with a faint flank."""
    u, v = found.coordinates(found.angle + 8.8 * (found.details[:, 0] - 0.5) ** 3)  # up to 63 degrees, mostly few
    v = v - found.detail(1, -0.35, 0.35) * u * u
    width = found.detail(2, 0.010, 0.017)
    ends = step(per_image(found.size / 2) - np.abs(u), 0.04)
    line = bell(v, width) - found.detail(3, -0.1, 0.45) * bell(v - 2.2 * width, width)
    second = per_image(found.details[:, 4] < 0.3) * bell(v - found.detail(5, 0.06, 0.14), width)
    sign = per_image(np.where(found.details[:, 6] < 0.7, 1.0, -1.0))
    return sign * ends * (line + 0.6 * second)


def crease(found: Defects) -> Fields:
    """A wavy fold with a bright and a dark flank, in any direction."""
    u, v = found.coordinates(FULL_TURN / 2 * found.details[:, 0])
    wave = np.sin(u * found.detail(1, 5.0, 14.0) + found.detail(2, 0, FULL_TURN))
    v = v - found.detail(3, -0.8, 0.8) * u * u - found.detail(4, 0.005, 0.035) * wave
    width = found.detail(5, 0.014, 0.026)
    ends = step(per_image(found.size / 2) - np.abs(u), 0.05)
    sign = per_image(np.where(found.details[:, 6] < 0.5, 1.0, -1.0))
    weaker = found.detail(7, 0.5, 1.0)
    return sign * ends * (bell(v - width, width) - weaker * bell(v + width, width))


def inclusion(found: Defects) -> Fields:
    """One to four dark marks, stretched in the direction of rolling."""
    u, v = found.coordinates(found.angle + 0.3 * (found.details[:, 0] - 0.5))
    count = 1 + (4 * found.details[:, 1] ** 1.5).astype(int)
    radii = np.where(np.arange(4) < count[:, None], 0.014 + 0.016 * found.table(4, 4), 0.0)
    stretch = 1.8 + 4.2 * found.table(8, 4)
    # One mark is as long as the extent allows; several lie along it.
    along = found.size[:, None] * (found.table(12, 4) - 0.5) * (count > 1)[:, None]
    across = 0.4 * found.size[:, None] * (found.table(16, 4) - 0.5)
    return -_rough(found, spots(u, v, np.stack([along, across], axis=-1), radii, stretch))


def pitted_surface(found: Defects) -> Fields:
    """A group of 3 to 18 round dark pits; the larger the group, the more."""
    u, v = found.coordinates(found.angle)
    most = 18
    count = np.clip(3 + 32 * (found.size - 0.12) * (0.6 + 0.8 * found.details[:, 0]), 3, most)
    radii = np.where(np.arange(most) < count[:, None], 0.013 + 0.014 * found.table(2, most), 0.0)
    radius = found.size[:, None] / 2 * np.sqrt(found.table(2 + most, most))
    turn = FULL_TURN * found.table(2 + 2 * most, most)
    centres = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=-1)
    stretch = 0.9 + 0.5 * found.table(2 + 3 * most, most)
    return -_rough(found, spots(u, v, centres, radii, stretch))


def _rough(found: Defects, field: Fields) -> Fields:
    """The same with an uneven depth."""
    return field * (1 + 0.2 * smooth(found.noise, 12, 12)).clip(0.4, 1.4)


def _round_area(found: Defects, uneven: float) -> Fields:
    """Distance from the centre in radii (1 = outline) of a roundish area; ``uneven`` is 0 for an ellipse."""
    u, v = found.coordinates(FULL_TURN * found.details[:, 0])
    flat = found.detail(1, 1.0, 1.6)
    distance = np.hypot(u, v * flat) / per_image(found.size / 2)
    return distance * (1 + uneven * smooth(found.noise, 3, 3)).clip(0.5, 2.0)


def water_spot(found: Defects) -> Fields:
    """A dried drop: a dark rim around an area that differs little from the sheet."""
    distance = _round_area(found, 0.08)
    rim = bell(distance - 1, found.detail(2, 0.10, 0.20))
    inside = step(1 - distance, 0.12) * found.detail(3, -0.1, 0.55)
    return -np.maximum(rim, inside)


def oil_spot(found: Defects) -> Fields:
    """A dark area with a soft outline, darkest inside; sometimes with a weak rim."""
    distance = _round_area(found, 0.12)
    inside = step(1 - distance, found.detail(2, 0.15, 0.45)) * (1 - 0.25 * np.minimum(distance, 1))
    return -inside - found.detail(3, 0.0, 0.35) * bell(distance - 1, 0.15)


def patches(found: Defects) -> Fields:
    """An even lighter or darker area with an irregular outline."""
    distance = _round_area(found, 0.45)
    sign = per_image(np.where(found.details[:, 4] < 0.5, 1.0, -1.0))
    return sign * step(1 - distance, found.detail(2, 0.06, 0.2))


def rolled_in_scale(found: Defects) -> Fields:
    """Many dark flakes, somewhat longer in the direction of rolling, in a large area."""
    area = step(1.1 - _round_area(found, 0.2), 0.25)
    flakes = smooth(found.noise, 7, 11, found.angle)
    return area * (0.25 * bell(flakes - 0.1, 0.3) - step(flakes - 0.5, 0.25))


def crazing(found: Defects) -> Fields:
    """A net of fine dark cracks, where a random field passes zero."""
    area = step(1.1 - _round_area(found, 0.15), 0.3)
    cracks = smooth(found.noise, 4.5, 6.5, found.angle)
    return -area * bell(cracks, 0.16)


def edge_crack(found: Defects) -> Fields:
    """A jagged dark crack that begins at the edge of the sheet and narrows inwards."""
    u, v = rotated(found.noise.shape[-1], np.zeros(len(found.x)), found.y, 0 * found.angle)
    inwards = 0.5 - per_image(found.border) - per_image(found.edge) * u
    part = (inwards / per_image(found.size)).clip(0, 1)
    bends = sum(
        found.detail(place, 0.004, 0.03) * np.sin(inwards * found.detail(place + 4, 12.0, 45.0) + place * 2)
        for place in range(4)
    )
    middle = v - bends - found.detail(9, -0.6, 0.6) * inwards
    width = found.detail(10, 0.018, 0.034) * (1 - 0.75 * part)
    return -bell(middle, width) * step(per_image(found.size) - inwards, 0.02)


def weld_line(found: Defects) -> Fields:
    """A rippled band across the direction of rolling, from border to border, between two darker lines."""
    u, v = found.coordinates(found.angle + 0.25 * (found.details[:, 0] - 0.5))
    half = per_image(found.size / 2)
    ripples = np.cos(v * found.detail(1, 60, 90) + 40 * np.square(u) / half + found.detail(2, 0, FULL_TURN))
    band = step(half - np.abs(u), 0.02) * (0.45 + 0.4 * ripples)
    return band - 0.8 * bell(np.abs(u) - half, 0.018)


def hole(found: Defects) -> Fields:
    """A black area with a sharp bright rim."""
    distance = _round_area(found, 0.06)
    radius = per_image(found.size / 2)
    return 0.45 * bell((distance - 1) * radius - 0.02, 0.014) - step((1 - distance) * radius, 0.012)


DRAWN: dict[str, Callable[[Defects], Fields]] = {
    "scratch": scratch,
    "crease": crease,
    "pitted_surface": pitted_surface,
    "inclusion": inclusion,
    "water_spot": water_spot,
    "oil_spot": oil_spot,
    "rolled_in_scale": rolled_in_scale,
    "patches": patches,
    "crazing": crazing,
    "edge_crack": edge_crack,
    "weld_line": weld_line,
    "hole": hole,
}
