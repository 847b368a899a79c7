"""Scenarios of label noise on the flights: random errors, errors by class, by carrier, by airport, by mapping."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

LABEL = "late"

Chances = Callable[[pd.DataFrame, np.ndarray, float], np.ndarray]
"""(Rows, which are late, noise) -> chance of each label to be wrong, N floats in [0, 1]."""


@dataclass(frozen=True)
class Scenario:
    """A scenario.

    Attributes:
      says: Description.
      chances: Probability of each label to be wrong.
      column: Column that identifies the source of the errors; None if there is none.
      values: Values of that column with errors.
    """

    says: str
    chances: Chances
    column: str | None = None
    values: tuple[str, ...] = ()


def _uniform(rows: pd.DataFrame, late: np.ndarray, noise: float) -> np.ndarray:
    return np.full(len(rows), noise)


def _by_class(rows: pd.DataFrame, late: np.ndarray, noise: float) -> np.ndarray:
    often = min(2 * noise, 0.9)
    seldom = max(noise - often * late.mean(), 0.0) / (1 - late.mean())
    return np.where(late, often, seldom)


def _carriers_hide(rows: pd.DataFrame, late: np.ndarray, noise: float) -> np.ndarray:
    return np.where(late & rows["carrier"].isin(["UA", "B6"]).to_numpy(), 0.7, 0.0)


def _outage(rows: pd.DataFrame, late: np.ndarray, noise: float) -> np.ndarray:
    out = (rows["origin"] == "LGA") & (rows["day"].astype(int) > 15)
    return np.where(late & out.to_numpy(), 1.0, 0.0)


def _swapped(rows: pd.DataFrame, late: np.ndarray, noise: float) -> np.ndarray:
    return np.where((rows["carrier"] == "EV").to_numpy(), 1.0, 0.0)


SCENARIOS = {
    "uniform": Scenario("every label alike, a share --noise", _uniform),
    "class": Scenario("a share --noise, late flights called punctual with twice that chance", _by_class),
    "carriers": Scenario(
        "United and JetBlue report 70 % of their late flights as punctual", _carriers_hide, "carrier", ("UA", "B6")
    ),
    "outage": Scenario(
        "no arrivals heard from LaGuardia's flights after the 15th: all punctual", _outage, "origin", ("LGA",)
    ),
    "swapped": Scenario("ExpressJet's feed means the opposite by 1", _swapped, "carrier", ("EV",)),
}
"""By name. All happen in the train spans; the eval span keeps its true labels."""


def flips(name: str, rows: pd.DataFrame, noise: float, seed: int) -> np.ndarray:
    """Draws the labels to flip, N booleans.

    Args:
      name: Key of SCENARIOS.
      rows: Rows with carrier, origin, day and the true label, as numbers or texts.
      noise: Share of wrong labels, in [0, 0.5]; for "uniform" and "class".
      seed: Seed of the random numbers.
    """
    late = (rows[LABEL].astype(str) == "1").to_numpy()
    return np.random.default_rng(seed).random(len(rows)) < SCENARIOS[name].chances(rows, late, noise)
