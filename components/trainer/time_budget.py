"""What the time budget has room for: nominal seconds of each candidate, so that the same rows give the same model.

Measured seconds differ from run to run, and a choice made by them would make another model each time. So a budget is
spent in nominal seconds: the rates below were measured on one core of a 2-core machine that was otherwise idle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AUTO = "auto"
AUTO_LEAST, AUTO_MOST = 10.0, 300.0
AUTO_VALUES = 140_000.0
"""Values (rows x columns) that add a second to the budget."""

TREE_VALUES = 2.5e8
"""Values that one tree bins in a second."""
TREE_BIN_SECONDS = 1e-9
"""Seconds for each leaf and bin of a column, of which splits are searched."""
TREE_SECONDS = 3e-4
"""Of a tree, however few rows it has."""
LINEAR_VALUES = 1e7
NETWORK_START = 10.0
"""Tracing, twice: with validation and for the final fit."""
NETWORK_VALIDATION = 500
"""Validation rows that the network needs to be judged by: with fewer it would enter by chance."""
NETWORK_ROWS = 18_000.0
"""Rows a second, one epoch."""
LEAST_ROUNDS = 30
"""Fewer rounds make no model worth having."""
NETWORK_TRIAL_ROWS = 10_000
"""The network is first tried on so many rows."""
OVERTIME = 3.0
"""CPU seconds, in budgets, after which boosting stops where it stands: a processor may be this much slower."""


@dataclass(frozen=True)
class Size:
    """Rows, columns (inputs), and trees per boosting round (K of a multiclass label, else 1)."""

    rows: int
    columns: int
    outputs: int


def seconds_of(budget: float | str, size: Size) -> float:
    """The budget in seconds; "auto" is 10 s, one more for each 140,000 values, and at most 300 s.

    A label of K classes counts sqrt(K) times: its trees are K times as many, and each smaller.
    """
    if budget != AUTO:
        return float(budget)
    return min(AUTO_LEAST + size.rows * size.columns * size.outputs**0.5 / AUTO_VALUES, AUTO_MOST)


def round_seconds(size: Size, leaves: int, columns: float) -> float:
    """Nominal seconds of one boosting round; `columns` is the share of them that a tree may split on."""
    binned = size.rows * size.columns / TREE_VALUES
    searched = leaves * 255 * size.columns * columns * TREE_BIN_SECONDS
    return size.outputs * (TREE_SECONDS + binned + searched)


def linear_seconds(size: Size) -> float:
    """Nominal seconds of one fit of the linear model."""
    return min(size.rows, 100_000) * size.columns * size.outputs / LINEAR_VALUES


def network_seconds(rows: int, epochs: int) -> float:
    """Nominal seconds of training the network, without its start."""
    return rows * epochs / NETWORK_ROWS


@dataclass(frozen=True)
class Plan:
    """What is tried.

    Attributes:
      seconds: The budget.
      cheap: A single validation fold instead of several.
      rounds: Boosting rounds at most; 0 leaves the trees out.
      network: Nominal seconds that are left for the network.
      reasons: Candidate -> why it is not tried.
    """

    seconds: float
    cheap: bool
    rounds: int
    network: float
    reasons: dict[str, str]


def plan(budget: float | str, size: Size, settings: Mapping[str, Any], fits: float) -> Plan:
    """Divides the budget.

    Args:
      budget: Seconds, or "auto".
      size: Of the train split.
      settings: pipeline.toml's table `training`.
      fits: How many times all rows a candidate is trained on with all validation folds and the final fit, such as 3.1.
    """
    seconds, trees = seconds_of(budget, size), settings["trees"]
    each = round_seconds(size, trees["leaves"], trees["columns"])
    left = max(seconds - fits * linear_seconds(size), 0.0)
    reasons: dict[str, str] = {}
    cheap = fits > CHEAP_FITS and left / (fits * each) < min(trees["rounds"], ENOUGH_ROUNDS)
    fits = CHEAP_FITS if cheap else fits
    rounds = min(trees["rounds"], int(left / (fits * each)))
    if rounds < min(LEAST_ROUNDS, trees["rounds"]):
        needed = fits * (linear_seconds(size) + LEAST_ROUNDS * each)
        reasons["trees"] = (
            f"not tried: {LEAST_ROUNDS} rounds take {needed:.1f} s, [training] time_budget is {seconds:.3g} s"
        )
        rounds = 0
    return Plan(seconds, cheap, rounds, left - fits * each * min(rounds, ENOUGH_ROUNDS), reasons)


CHEAP_FITS = 1.9
"""With a single fold: nine tenths of the rows for the validation, and all of them for the final fit."""
ENOUGH_ROUNDS = 300
"""Early stopping ends most boosting by then."""
