"""Training settings adapted to few rows."""

from collections.abc import Mapping
from typing import Any

FEW_ROWS = 10_000
MIN_STEPS = 400
"""Minimum training steps of the network; with the default batch size, 500 rows would give one step per epoch."""
MIN_BATCH = 16
VALIDATION_SHARE = 0.2


def fitted_to(settings: Mapping[str, Any], rows: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Adapts the settings to the number of training rows.

    Below 10,000 rows the batch size shrinks in proportion, epochs are added until the network makes 400 steps, patience
    is at least 5, and at least a fifth of the rows is held out for validation: 50 rows are too few for early stopping.

    Args:
      settings: Section `training` of pipeline.toml.
      rows: Number of training rows.

    Returns:
      The adapted settings, and those of them that differ from `settings`.
    """
    if rows >= FEW_ROWS:
        return dict(settings), {}
    batch = max(MIN_BATCH, min(settings["batch_size"], settings["batch_size"] * rows // FEW_ROWS))
    steps = -(-rows // batch)
    fitted = {
        "batch_size": batch,
        "epochs": max(settings["epochs"], -(-MIN_STEPS // steps)),
        "patience": max(settings["patience"], 5),
        "validation_share": max(settings["validation_share"], VALIDATION_SHARE),
    }
    changed = {name: value for name, value in fitted.items() if value != settings[name]}
    return {**settings, **changed}, changed
