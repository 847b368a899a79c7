"""Divides the training time budget among the candidates, in nominal seconds.

Measured seconds differ from run to run, so a choice based on them would give another model each time. The nominal costs
below were measured on one core of an otherwise idle 2-core machine; the same rows therefore give the same model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AUTO = "auto"
AUTO_MIN, AUTO_MAX = 10.0, 300.0
AUTO_VALUES = 140_000.0
"""Values (rows x columns) for which the automatic budget grows by a second."""

TREE_VALUES = 2.5e8
"""Values that a tree bins per second."""
TREE_BIN_SECONDS = 1e-9
"""Seconds per leaf and histogram bin of a column in the search for splits."""
TREE_SECONDS = 3e-4
"""Seconds per tree regardless of its rows."""
LINEAR_VALUES = 1e7
NETWORK_START = 10.0
"""Seconds for building the graph twice: for validation and for the final fit."""
NETWORK_VALIDATION = 500
"""Minimum validation rows for considering the network; with fewer, it could be selected by chance."""
NETWORK_VALIDATION_IMAGES = 100
"""The same for tables with images, where the network is often much better than the other candidates."""
NETWORK_ROW_SECONDS = 1.8e-5
"""Seconds per training row of the network regardless of its size."""
NETWORK_MULTIPLICATION_SECONDS = 4.1e-11
"""Seconds per training row and multiplication of the forward pass, without the factor of the backward pass."""
MIN_ROUNDS = 30
"""Minimum boosting rounds; with fewer, boosted trees are not tried."""
NETWORK_TRIAL_ROWS = 10_000
"""Rows on which the network is first tried."""
OVERTIME = 3.0
"""CPU seconds, as a multiple of the budget, after which boosting stops; allows for a slower processor."""


@dataclass(frozen=True)
class Size:
    """Size of a training task.

    Attributes:
      rows: Number of rows.
      columns: Number of input columns.
      outputs: Trees per boosting round: K of a multiclass label, else 1.
      pixels: Values (pixels x channels) of all images of a row.
    """

    rows: int
    columns: int
    outputs: int
    pixels: int = 0


def seconds_of(budget: float | str, size: Size) -> float:
    """Returns the budget in seconds; "auto" is 10 s plus 1 s for each 140,000 values, at most 300 s.

    The values are multiplied by sqrt(K) for a label of K classes, which has K times as many, smaller trees. The
    values of images count twice, because the network is the candidate that can use them.

    Args:
      budget: Seconds, or "auto".
      size: Size of the training task.
    """
    if budget != AUTO:
        return float(budget)
    values = size.columns * size.outputs**0.5 + 2 * size.pixels
    return min(AUTO_MIN + size.rows * values / AUTO_VALUES, AUTO_MAX)


def round_seconds(size: Size, leaves: int, columns: float) -> float:
    """Returns the nominal seconds of one boosting round.

    Args:
      size: Size of the training task.
      leaves: Maximum leaves of a tree.
      columns: Share of the columns that a tree may split on, in (0, 1].
    """
    binned = size.rows * size.columns / TREE_VALUES
    searched = leaves * 255 * size.columns * columns * TREE_BIN_SECONDS
    return size.outputs * (TREE_SECONDS + binned + searched)


def linear_seconds(size: Size) -> float:
    """Returns the nominal seconds of one fit of the linear model."""
    return min(size.rows, 100_000) * size.columns * size.outputs / LINEAR_VALUES


def network_seconds(rows: int, epochs: int, multiplications: int) -> float:
    """Returns the nominal seconds of training the network, without building its graph.

    Args:
      rows: Training rows.
      epochs: Maximum number of epochs.
      multiplications: Multiplications per row of a forward pass, see network_layers.multiplications. They grow with the
        number of columns: 0.9 million for 23 columns, 28 million for 1,500.
    """
    return rows * epochs * (NETWORK_ROW_SECONDS + multiplications * NETWORK_MULTIPLICATION_SECONDS)


@dataclass(frozen=True)
class TrainingPlan:
    """Which candidates are trained, and how long.

    Attributes:
      seconds: The budget.
      cheap: Whether a single validation fold is used instead of several.
      rounds: Maximum boosting rounds; 0 leaves out the boosted trees.
      network: Nominal seconds left for the network.
      reasons: Candidate -> why it is not tried.
    """

    seconds: float
    cheap: bool
    rounds: int
    network: float
    reasons: dict[str, str]


def plan_training(budget: float | str, size: Size, settings: Mapping[str, Any], fits: float) -> TrainingPlan:
    """Divides the budget.

    Args:
      budget: Seconds, or "auto".
      size: Size of the training task.
      settings: Section `training` of pipeline.toml.
      fits: Rows of all fits of a candidate (validation folds and final fit) as a multiple of the train split, such as
        3.1.
    """
    seconds, trees = seconds_of(budget, size), settings["trees"]
    each = round_seconds(size, trees["num_leaves"], trees["colsample_bytree"])
    left = max(seconds - fits * linear_seconds(size), 0.0)
    reasons: dict[str, str] = {}
    cheap = fits > CHEAP_FITS and left / (fits * each) < min(trees["n_estimators"], ENOUGH_ROUNDS)
    fits = CHEAP_FITS if cheap else fits
    rounds = min(trees["n_estimators"], int(left / (fits * each)))
    if rounds < min(MIN_ROUNDS, trees["n_estimators"]):
        needed = fits * (linear_seconds(size) + MIN_ROUNDS * each)
        reasons["trees"] = (
            f"not tried: {MIN_ROUNDS} rounds take {needed:.1f} s, [training] time_budget is {seconds:.3g} s"
        )
        rounds = 0
    return TrainingPlan(seconds, cheap, rounds, left - fits * each * min(rounds, ENOUGH_ROUNDS), reasons)


CHEAP_FITS = 1.9
"""Multiple of the train split for a single fold: nine tenths of the rows, and all rows for the final fit."""
ENOUGH_ROUNDS = 300
"""Early stopping ends boosting within this many rounds in most cases."""
