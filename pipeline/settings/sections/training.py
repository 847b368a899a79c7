"""The tables [training] and [training.trees]."""

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.settings.sections.section import ConfigSection


def _seconds(value: Any) -> Any:
    """A time budget; pydantic would tell of a union what each of its members refuses."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "auto" and not (number and 0 < value < math.inf):
        raise ValueError(f'must be "auto" or a number of seconds above 0, not {value!r}')
    return value


class TreesSection(ConfigSection):
    """Gradient-boosted trees (LightGBM); names as in its scikit-learn interface."""

    n_estimators: Annotated[int, Field(ge=1)] = 400
    """Boosting rounds at most; early stopping on the validation loss may end sooner."""
    num_leaves: Annotated[int, Field(ge=2, le=128)] = 63
    """Leaves of a tree at most."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.08
    """Share of its gain that each tree contributes."""
    l2: Annotated[float, Field(ge=0)] = 10.0
    """Shrinks the leaves, those of few rows most."""
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the columns that each tree may split on, drawn at random for each tree."""


class TrainingSection(ConfigSection):
    """Settings of the model and of its training; from `epochs` on they are the network's."""

    module_file: str = ""
    """A Python file of one's own, relative to pipeline.toml, that defines TFX's preprocessing_fn, run_fn or both: they
    stand in place of ours. See docs/own-module.md."""
    model: Literal["auto", "linear", "trees", "network", "blend"] = "auto"
    """`auto` tries all within the time budget and takes what is better beyond chance on the validation rows, the
    simplest among ties. `blend` tries trees and network; the others name a single model."""
    time_budget: Annotated[float | Literal["auto"], BeforeValidator(_seconds)] = "auto"
    """Nominal seconds of training on 2 cores. "auto" is 10 s and one more for each 140,000 values (rows x columns x the
    square root of the number of classes), at most 300 s. Nominal, so that the same rows make the same model anywhere.
    """
    refit: bool = True
    """Train the selected members on all rows, validation included, with the rounds and epochs found best. Without it
    the newest rows are never trained on."""
    trees: TreesSection = TreesSection()
    epochs: Annotated[int, Field(ge=1)] = 20
    """The learning rate falls to 0 over that many; early stopping may end sooner."""
    batch_size: Annotated[int, Field(ge=1)] = 512
    """Rows of a step."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Of AdamW, at its highest."""
    hidden_units: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    """Width of each hidden layer."""
    members: Annotated[int, Field(ge=1)] = 8
    """Perceptrons that share the hidden layers and predict together."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the hidden units left out in each step."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    """Of AdamW."""
    patience: Annotated[int, Field(ge=1)] = 3
    """Epochs without a better validation loss before training stops."""
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the train split in each validation fold: of rows ordered in time the last three such stretches, each
    predicted from the rows before it; of others a hold-out, or five folds below 50,000 rows."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Of every random choice in training."""
