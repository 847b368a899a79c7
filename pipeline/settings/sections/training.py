"""The tables [training] and [training.trees]."""

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.settings.sections.section import ConfigSection


def _seconds(value: Any) -> Any:
    """Validates a time budget with one message; pydantic reports an error for each member of a union."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "auto" and not (number and 0 < value < math.inf):
        raise ValueError(f'must be "auto" or a number of seconds above 0, not {value!r}')
    return value


class TreesSection(ConfigSection):
    """Gradient-boosted trees (LightGBM); names as in its scikit-learn interface."""

    n_estimators: Annotated[int, Field(ge=1)] = 400
    """Maximum number of boosting rounds; early stopping on the validation loss may end sooner."""
    num_leaves: Annotated[int, Field(ge=2, le=128)] = 63
    """Maximum number of leaves of a tree."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.08
    """Shrinkage of each tree's contribution."""
    l2: Annotated[float, Field(ge=0)] = 10.0
    """L2 regularisation of the leaf values."""
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the columns that are sampled for each tree."""


class TrainingSection(ConfigSection):
    """Model selection and hyperparameters; keys from `epochs` on are those of the neural network."""

    module_file: str = ""
    """Python file of a custom module, relative to pipeline.toml, with TFX's preprocessing_fn, run_fn or both, which
    replace the default ones. See docs/own-module.md."""
    model: Literal["auto", "linear", "trees", "network", "blend"] = "auto"
    """`auto` trains all candidates within the time budget and selects the significantly best one on the validation
    split, or the simplest if none is. `blend` trains trees and network; the other values name a single model."""
    time_budget: Annotated[float | Literal["auto"], BeforeValidator(_seconds)] = "auto"
    """Nominal training time in seconds on 2 cores. "auto" is 10 s plus 1 s per 140,000 values (rows x columns x the
    square root of the number of classes), at most 300 s. Nominal, so that the same rows make the same model anywhere.
    """
    refit: bool = True
    """Refit the selected members on all rows, including the validation split, with the best rounds and epochs.
    Otherwise the newest rows are used for validation only."""
    trees: TreesSection = TreesSection()
    epochs: Annotated[int, Field(ge=1)] = 20
    """Maximum number of epochs, over which the learning rate decreases to 0; early stopping may end sooner."""
    batch_size: Annotated[int, Field(ge=1)] = 512
    """Number of rows of a training step."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Maximum learning rate of AdamW."""
    hidden_units: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    """Width of each hidden layer."""
    members: Annotated[int, Field(ge=1)] = 8
    """Number of network ensemble members, which share the hidden layers."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout rate of the hidden units."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    """Weight decay of AdamW."""
    patience: Annotated[int, Field(ge=1)] = 3
    """Early stopping: number of epochs without an improvement of the validation loss."""
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the train split in each validation fold. Rows ordered in time have three folds, the newest ones, with
    rolling-origin validation; other rows have one validation split, or five folds below 50,000 rows."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Random seed of training."""
    warmup_rows: Annotated[int, Field(ge=0, le=1000)] = 32
    """Number of rows of the train split that are stored in the SavedModel as requests, with which model servers warm
    up a version before it answers (assets.extra/tf_serving_warmup_requests). 0 stores none; do so if a model may not
    contain rows of its data."""
