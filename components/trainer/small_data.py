"""Training settings for few rows."""

from collections.abc import Mapping
from typing import Any

FEW_ROWS = 10_000
LEAST_STEPS = 400
"""Steps of the network in all: with the batches of a large table, 500 rows would make one step an epoch."""
LEAST_BATCH = 16
VALIDATION_SHARE = 0.2


def fitted_to(settings: Mapping[str, Any], rows: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings for so many training rows, and of them those that differ from what was asked for.

    Below 10,000 rows batches shrink in proportion and epochs are added until the network makes 400 steps, and a fifth
    of the rows validates where less was asked for: 50 rows could not say when to stop.
    """
    if rows >= FEW_ROWS:
        return dict(settings), {}
    batch = max(LEAST_BATCH, min(settings["batch_size"], settings["batch_size"] * rows // FEW_ROWS))
    steps = -(-rows // batch)
    fitted = {
        "batch_size": batch,
        "epochs": max(settings["epochs"], -(-LEAST_STEPS // steps)),
        "patience": max(settings["patience"], 5),
        "validation_share": max(settings["validation_share"], VALIDATION_SHARE),
    }
    changed = {name: value for name, value in fitted.items() if value != settings[name]}
    return {**settings, **changed}, changed
