"""The photographs: grain of the sheet, defect, edge, light and camera, as 8-bit pixels."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import ndimage

from data.steel_defects import DETAILS, DRAWN, Defects
from data.steel_random import details, white_noise
from data.steel_shapes import Fields, grid, per_image, step
from data.steel_sheets import SpanPlan
from data.steel_textures import Sheets, draw_sheets, texture

CHUNK_PIXELS = 128 * 64 * 64
"""Pixels that are drawn at a time: bounds the memory, and stays in the processor's caches."""
FULL_SCALE = 255.0
BRIGHTNESS = 140.0
"""Mean grey level by day in the first span."""
NIGHT = -14.0
"""Change of the mean grey level at night."""
BACKGROUND = 22.0
"""Grey level beside the edge of a sheet."""


@dataclasses.dataclass(frozen=True)
class Camera:
    """A camera.

    Attributes:
      gain: Contrast, as a factor.
      offset: Change of the grey level.
      blur: Standard deviation of the point spread, in widths of the photograph.
      noise: Standard deviation of the sensor's noise, in grey levels.
    """

    gain: float
    offset: float
    blur: float
    noise: float


CAMERAS = {"c1": Camera(1.0, 0.0, 0.008, 3.0), "c2": Camera(0.88, 6.0, 0.012, 3.8)}


@dataclasses.dataclass(frozen=True)
class Light:
    """The light of a batch: change of the mean grey level, and contrast as a factor."""

    offset: float
    gain: float


def light_of(span: int) -> Light:
    """Returns the light of a batch: the lamps age, faster with every batch, and stop at half of the contrast.

    Span 1 has Light(0, 1), span 5 about Light(-22, 0.82).
    """
    age = 1.0 - np.exp(-np.square((span - 1) / 6.0))
    return Light(offset=float(-60.0 * age), gain=float(1.0 - 0.5 * age))


def photographs(plan: SpanPlan, size: int) -> Iterator[np.ndarray]:
    """Draws the photographs of a span.

    Args:
      plan: What they show.
      size: Pixels per side, 16 or more.

    Yields:
      (size, size), uint8, in the order of the plan.
    """
    sheets = draw_sheets(plan.seed, plan.span, int(plan.table["sheet"].max()) + 1)
    length = max(1, CHUNK_PIXELS // size**2)
    for first in range(0, len(plan.table), length):
        yield from _pixels(plan, plan.table.iloc[first : first + length], sheets, size)


def _pixels(plan: SpanPlan, table: pd.DataFrame, sheets: Sheets, size: int) -> np.ndarray:
    numbers = table["number"].to_numpy()
    random = details(plan.seed, plan.span, numbers, DETAILS)
    border = 0.05 + 0.12 * random[:, -1]
    angle = sheets.angle[table["sheet"]]
    field = texture(plan.seed, plan.span, numbers, table["sheet"].to_numpy(), sheets, size)
    for name, rows in table.reset_index(drop=True).groupby("defect").groups.items():
        if name in DRAWN:
            field[rows] += _defects(plan, str(name), table.iloc[rows], random[rows], border[rows], angle[rows], size)
    light = light_of(plan.span)
    gain = light.gain * _of_camera(table, "gain")
    offset = light.offset + _of_camera(table, "offset") + np.where(table["shift"] == "night", NIGHT, 0.0)
    level = BRIGHTNESS + per_image(offset) + per_image(gain) * (field + per_image(sheets.brightness[table["sheet"]]))
    level = _with_edges(level, table["edge"].to_numpy(), border, size)
    level = _blurred(level, table["camera"].to_numpy(), size)
    level += per_image(_of_camera(table, "noise")) * white_noise(plan.seed, plan.span, "sensor", numbers, size)
    return np.rint(level.clip(0, FULL_SCALE)).astype(np.uint8)


def _defects(
    plan: SpanPlan, name: str, table: pd.DataFrame, random: np.ndarray, border: np.ndarray, angle: np.ndarray, size: int
) -> Fields:
    """Differences in grey levels of the defects of one class."""
    found = Defects(
        x=table["x"].to_numpy(),
        y=table["y"].to_numpy(),
        size=table["size"].to_numpy(),
        angle=angle,
        edge=table["edge"].to_numpy(),
        border=border,
        details=random,
        noise=white_noise(plan.seed, plan.span, "shape", table["number"], size),
    )
    return per_image(FULL_SCALE * table["contrast"].to_numpy()) * DRAWN[name](found)


def _of_camera(table: pd.DataFrame, attribute: str) -> np.ndarray:
    return np.array([getattr(CAMERAS[name], attribute) for name in table["camera"]])


def _with_edges(level: Fields, edge: np.ndarray, border: np.ndarray, size: int) -> Fields:
    """Darkens what lies beside the edge of a sheet, where it is seen."""
    across, _ = grid(size)
    inside = np.where(per_image(edge) == 0, 1.0, step(0.5 - per_image(border) - per_image(edge) * across, 0.01))
    return (BACKGROUND + inside * (level - BACKGROUND)).astype(np.float32)


def _blurred(level: Fields, cameras: np.ndarray, size: int) -> Fields:
    for name, camera in CAMERAS.items():
        rows = np.flatnonzero(cameras == name)
        width = camera.blur * size
        level[rows] = ndimage.gaussian_filter(level[rows], (0, width, width), mode="nearest")
    return level
