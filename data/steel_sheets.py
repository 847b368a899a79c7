"""What is photographed: sheets with their line, thickness and temperature, and the defect of each photograph.

The attributes of a sheet are drawn first, and the defect given them, so that line, thickness and temperature tell
something about the defect.
"""

import dataclasses

import numpy as np
import pandas as pd

from data.steel_random import normal, uniform

NO_DEFECT = "none"
SHARES = {
    NO_DEFECT: 0.26,
    "scratch": 0.20,
    "pitted_surface": 0.12,
    "inclusion": 0.09,
    "water_spot": 0.08,
    "rolled_in_scale": 0.07,
    "oil_spot": 0.05,
    "patches": 0.04,
    "crease": 0.03,
    "crazing": 0.02,
    "edge_crack": 0.015,
    "weld_line": 0.015,
    "hole": 0.01,
}
"""Classes and their share of the photographs before the attributes of the sheet act on it.

The names are those of two public data sets: NEU-DET (Song and Yan 2013: crazing, inclusion, patches, pitted surface,
rolled-in scale, scratches) and GC10-DET (Lv et al. 2020: crease, inclusion, oil spot, punching hole, water spot,
welding line, among others). "Edge crack" is a general term of rolling. Severstal's competition (Kaggle 2019), whose
classes are numbers, is the model for photographs without a defect. Nothing but the names comes from these sources.
"""
CLASSES = tuple(SHARES)

LINES = {"A": 0.45, "B": 0.35, "C": 0.20}
"""Mill lines and their share of the sheets."""
LINE_FACTORS = {
    "scratch": {"B": 1.5},
    "oil_spot": {"A": 1.6, "C": 0.4},
    "water_spot": {"B": 1.5, "C": 0.5},
    "rolled_in_scale": {"C": 2.5},
    "weld_line": {"A": 2.0, "B": 0.3},
    "crazing": {"C": 2.5},
}
"""How much more often a defect occurs on a line than its share says; 1 where nothing is said."""
THICKNESS_EFFECTS = {"crease": -0.9, "hole": -0.4, "crazing": 0.5, "edge_crack": 0.4}
"""Change of the log odds of a defect per standard deviation of log thickness."""
TEMPERATURE_EFFECTS = {"rolled_in_scale": 0.6, "crazing": 0.4, "water_spot": -0.3}
"""Change of the log odds of a defect per standard deviation of temperature."""

SIZES = {
    "scratch": (0.25, 0.90),
    "pitted_surface": (0.12, 0.55),
    "inclusion": (0.10, 0.45),
    "water_spot": (0.14, 0.50),
    "rolled_in_scale": (0.30, 0.80),
    "oil_spot": (0.14, 0.50),
    "patches": (0.30, 0.80),
    "crease": (0.35, 0.95),
    "crazing": (0.40, 0.95),
    "edge_crack": (0.20, 0.55),
    "weld_line": (0.12, 0.25),
    "hole": (0.07, 0.22),
}
"""Smallest and largest extent of a defect, in widths of the photograph (of a weld line: its own width)."""
CONTRASTS = {
    "scratch": (0.13, 0.34),
    "pitted_surface": (0.12, 0.34),
    "inclusion": (0.15, 0.36),
    "water_spot": (0.08, 0.21),
    "rolled_in_scale": (0.12, 0.30),
    "oil_spot": (0.10, 0.24),
    "patches": (0.10, 0.22),
    "crease": (0.11, 0.30),
    "crazing": (0.13, 0.27),
    "edge_crack": (0.22, 0.42),
    "weld_line": (0.08, 0.20),
    "hole": (0.40, 0.55),
}
"""Smallest and largest difference in brightness between a defect and its sheet, as a share of 255."""

PERSISTENCE = 0.35
"""How often a photograph shows the sheet's own kind of defect instead of one drawn for itself."""
SHEETS_PER_SHIFT = 12
EDGE_SHARE = 0.08
"""How often the edge of a sheet is seen; with an edge crack always."""


@dataclasses.dataclass(frozen=True)
class SpanPlan:
    """The photographs of a span.

    Attributes:
      seed: The seed of the data set.
      span: 1 or more.
      table: One row per photograph: ``number`` (from 0), ``sheet`` (number in the span, from 0), ``line``, ``camera``
        (c1, c2), ``thickness_mm``, ``temperature_c``, ``shift`` (day, night), ``defect`` (of ``CLASSES``), ``size`` and
        ``contrast`` (see ``SIZES``; NaN without a defect), ``x`` and ``y`` (its centre, in widths from the middle of
        the photograph, -0.3 to 0.3, y downwards), ``edge`` (-1 left, 1 right, 0 none is seen).
    """

    seed: int
    span: int
    table: pd.DataFrame


def plan_span(seed: int, span: int, rows: int) -> SpanPlan:
    """Draws the photographs of a span; a larger number of rows begins with the same photographs.

    Args:
      seed: 0 or more.
      span: 1 or more.
      rows: Photographs, 1 or more. Each sheet has 2 to 4 of them, except that the last one may be cut short.
    """
    sheet = _sheets(seed, span, rows)
    count = int(sheet[-1]) + 1
    line = _choose(uniform(seed, span, "line", count), np.array(list(LINES.values())))
    z_thickness, z_temperature = normal(seed, span, "thickness", count), normal(seed, span, "temperature", count)
    kind = _defects(seed, span, sheet, _odds(line, z_thickness, z_temperature))
    names = np.array(CLASSES, object)[kind]
    table = pd.DataFrame(
        {
            "number": np.arange(rows),
            "sheet": sheet,
            "line": np.array(list(LINES), object)[line][sheet],
            "camera": np.where(uniform(seed, span, "camera", rows) < 0.5, "c1", "c2"),
            # Line C rolls thicker sheets, at a higher temperature.
            "thickness_mm": (2.0 * np.exp(0.35 * z_thickness + 0.4 * (line == 2)))[sheet].clip(0.5, 8.0).round(2),
            "temperature_c": (620.0 + 25.0 * z_temperature + 15.0 * (line == 2))[sheet].round(1),
            "shift": np.where(sheet // SHEETS_PER_SHIFT % 2 == 0, "day", "night"),
            "defect": names,
            "size": _between(SIZES, names, uniform(seed, span, "size", rows)),
            "contrast": _between(CONTRASTS, names, uniform(seed, span, "contrast", rows)),
            "x": 0.6 * (uniform(seed, span, "x", rows) - 0.5),
            "y": 0.6 * (uniform(seed, span, "y", rows) - 0.5),
            "edge": _edges(seed, span, names),
        }
    )
    return SpanPlan(seed, span, table)


def _sheets(seed: int, span: int, rows: int) -> np.ndarray:
    lengths = 2 + (3 * uniform(seed, span, "photographs", rows // 2 + 1)).astype(int)
    return np.searchsorted(np.cumsum(lengths), np.arange(rows), side="right")


def _odds(line: np.ndarray, z_thickness: np.ndarray, z_temperature: np.ndarray) -> np.ndarray:
    """Unnormalized probabilities (sheets, classes)."""
    odds = np.tile(list(SHARES.values()), (len(line), 1))
    for column, name in enumerate(CLASSES):
        factors = LINE_FACTORS.get(name, {})
        odds[:, column] *= np.array([factors.get(key, 1.0) for key in LINES])[line]
        effect = THICKNESS_EFFECTS.get(name, 0.0) * z_thickness + TEMPERATURE_EFFECTS.get(name, 0.0) * z_temperature
        odds[:, column] *= np.exp(effect)
    return odds


def _defects(seed: int, span: int, sheet: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Class indices (rows,): those of the sheet, or drawn for the photograph with the odds of its sheet."""
    of_sheet = _choose(uniform(seed, span, "defect of sheet", len(odds)), odds)[sheet]
    of_photo = _choose(uniform(seed, span, "defect of photograph", len(sheet)), odds[sheet])
    return np.where(uniform(seed, span, "persistence", len(sheet)) < PERSISTENCE, of_sheet, of_photo)


def _choose(draws: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Indices (n,) for draws (n,) in [0, 1) and odds (n, k) or (k,)."""
    bounds = np.cumsum(odds, axis=-1)
    bounds = bounds[..., :-1] / bounds[..., -1:]
    return (draws[:, None] >= bounds).sum(axis=1)


def _between(ranges: dict[str, tuple[float, float]], names: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Values (n,) in the range of each name, smaller ones more often; NaN for a name without a range."""
    low, high = np.array([ranges.get(name, (np.nan, np.nan)) for name in names]).T
    return (low + (high - low) * draws**1.3).round(4)


def _edges(seed: int, span: int, names: np.ndarray) -> np.ndarray:
    side = np.where(uniform(seed, span, "side", len(names)) < 0.5, -1, 1)
    seen = (uniform(seed, span, "edge", len(names)) < EDGE_SHARE) | (names == "edge_crack")
    return np.where(seen, side, 0)
