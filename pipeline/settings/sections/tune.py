"""The table [tune]: hyperparameter search, disabled by default."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from components.tuner.search_space import nested, space_of
from components.tuner.settings import TUNING_METRICS
from pipeline.settings.sections.section import ConfigSection, Task
from pipeline.settings.sections.training import TrainingSection


class TuneSection(ConfigSection):
    """Search for hyperparameters of [training], evaluated on the newest rows of the train window."""

    trials: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Number of trials, the first with the current settings; 0 disables the search."""
    minutes: Annotated[float, Field(ge=0)] = 0.0
    """Minutes of training after which no further trial starts; 0 is no limit."""
    max_rows: Annotated[int, Field(ge=10_000)] = 50_000
    """Maximum number of rows of a trial (training and validation): a random sample in the order of time."""
    metric: Literal["", "log_loss", "auc", "average_precision", "accuracy", "rmse", "mae"] = ""
    """Objective; empty is log loss, or RMSE for regression."""
    method: Literal["bayesian", "random"] = "bayesian"
    """Search algorithm."""
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Significance level at which the best trial replaces the current settings, corrected for the number of trials; 1
    accepts every improvement."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Random seed of the trials."""
    reuse: bool = False
    """Later local runs use the result without a new search, as long as [training] and the other settings of the search
    are unchanged. Otherwise `plumbline tuned --write` writes the result into [training]."""
    space: dict[str, Any] = {}
    """Search space: key of [training] -> { min, max }, an array of values, or false to keep it fixed; keys of
    [training.trees] in [tune.space.trees]. Other hyperparameters have a default space."""


def check_tune(tune: TuneSection, training: TrainingSection, task: Task) -> None:
    """Checks the search settings.

    Args:
      tune: The table [tune].
      training: The table [training].
      task: Task of the dataset.

    Raises:
      ValueError: A key does not apply to the task or the model, or contradicts another key.
    """
    if tune.metric and tune.metric not in TUNING_METRICS[task]:
        raise ValueError(
            f"[tune] metric: {tune.metric}: no metric of a {task} task; legal: {', '.join(TUNING_METRICS[task])}"
        )
    if training.model == "linear" and not tune.trials and not tune.space:
        return  # it has no settings to search, and nobody asks for a search
    try:
        space = space_of(tune.space, training.model)
    except ValueError as exc:
        raise ValueError(f"[tune.space] {exc}") from exc
    for knob in space:
        for value in knob.ends:
            if said := tune_error(training, nested({knob.name: value})):
                shown = list(value) if isinstance(value, tuple) else value
                raise ValueError(f"[tune.space] {knob.name}: {shown}: {said}")


def with_values(training: TrainingSection, found: dict[str, Any]) -> TrainingSection:
    """Returns the table [training] with some values replaced, validated."""
    told = training.model_dump()
    return TrainingSection.model_validate({**told, **found, "trees": {**told["trees"], **found.get("trees", {})}})


def tune_error(training: TrainingSection, found: dict[str, Any]) -> str:
    """Returns why [training] does not accept some values; "" if it does."""
    try:
        with_values(training, found)
    except ValidationError as exc:
        first = exc.errors()[0]
        if first["type"] == "extra_forbidden":
            return f"{'.'.join(map(str, first['loc']))}: unknown key"
        message = first["msg"].removeprefix("Value error, ")
        return f"{message[0].lower()}{message[1:]}"
    return ""
