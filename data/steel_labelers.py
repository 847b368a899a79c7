"""Two simulated labelers: each follows the written instruction but for some conventions of their own, and slips.

The conventions are functions of size and contrast of the drawn defect. So the disagreement can be found, written into
the instruction and corrected; the slips are random.
"""

import dataclasses

import numpy as np
import pandas as pd

from data.steel_random import uniform
from data.steel_sheets import CLASSES, NO_DEFECT, SpanPlan

SLIP_SHARE = 0.02
"""How often a labeler chooses any other class by mistake."""

INSTRUCTION = {
    NO_DEFECT: "the grain, roll marks, shading and edge of a good sheet",
    "scratch": "one or two thin lines, bright or dark, of one tone across",
    "crease": "a bent line with a bright and a dark flank, however weak",
    "pitted_surface": "several round dark pits, however small the group",
    "inclusion": "one to four dark marks stretched in the direction of rolling",
    "water_spot": "a round spot that is darkest at its rim, however weak",
    "oil_spot": "a round dark spot that is darkest inside, however small",
    "rolled_in_scale": "many dark flakes side by side, however weak",
    "patches": "an even lighter or darker area with an irregular outline",
    "crazing": "a net of fine dark cracks over a large area",
    "edge_crack": "a jagged dark crack that begins at the edge of the sheet",
    "weld_line": "a band across the direction of rolling, from border to border",
    "hole": "a black area with a sharp bright rim",
}
"""The written instruction, by class: what a labeler should call what. ``defect`` in _truth.csv follows it."""


@dataclasses.dataclass(frozen=True)
class Convention:
    """A labeler calls a class by another name where a drawn parameter lies below a limit.

    Attributes:
      defect: The class by the instruction.
      parameter: ``size`` (widths of the photograph) or ``contrast`` (share of 255).
      below: The limit.
      called: What the labeler calls it.
    """

    defect: str
    parameter: str
    below: float
    called: str


CONVENTIONS = {
    "labeler_1": (
        Convention("water_spot", "contrast", 0.13, NO_DEFECT),
        Convention("rolled_in_scale", "contrast", 0.18, "patches"),
    ),
    "labeler_2": (
        Convention("pitted_surface", "size", 0.32, "inclusion"),
        Convention("crease", "contrast", 0.19, "scratch"),
        Convention("oil_spot", "size", 0.26, "water_spot"),
    ),
}
LABELERS = tuple(CONVENTIONS)


def label(plan: SpanPlan, labeler: str) -> np.ndarray:
    """Returns the labels (rows,) that a labeler gives to the photographs of a span, slips included.

    Args:
      plan: The photographs.
      labeler: One of ``LABELERS``.
    """
    rows = len(plan.table)
    labels = by_convention(plan.table, labeler)
    slips = uniform(plan.seed, plan.span, f"{labeler} slips", rows) < SLIP_SHARE
    steps = 1 + (uniform(plan.seed, plan.span, f"{labeler} slips to", rows) * (len(CLASSES) - 1)).astype(int)
    places = pd.Index(CLASSES).get_indexer(pd.Index(labels))
    others = np.array(CLASSES, object)[(places + steps) % len(CLASSES)]  # any other class, equally often
    return np.where(slips, others, labels)


def by_convention(table: pd.DataFrame, labeler: str) -> np.ndarray:
    """Returns the labels (rows,) by the instruction, changed by the conventions of a labeler.

    Args:
      table: Has ``defect``, ``size`` and ``contrast``, see ``SpanPlan``.
      labeler: One of ``LABELERS``.
    """
    labels = table["defect"].to_numpy(object).copy()
    for convention in CONVENTIONS[labeler]:
        differs = (table["defect"] == convention.defect) & (table[convention.parameter] < convention.below)
        labels[differs.to_numpy()] = convention.called
    return labels


def first_labels(plan: SpanPlan) -> pd.DataFrame:
    """Returns ``labeler_1``, ``labeler_2`` and ``defect``, the label of whoever labelled a photograph first.

    Sheets are dealt out in turn: labeler_1 is first for those with even numbers, labeler_2 for those with odd ones.
    """
    labels = {labeler: label(plan, labeler) for labeler in LABELERS}
    first = np.where(plan.table["sheet"] % 2 == 0, labels["labeler_1"], labels["labeler_2"])
    return pd.DataFrame({**labels, "defect": first})
