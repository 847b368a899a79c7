"""The table [tune]: a search for better settings of the training, off unless it is asked for."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from components.tuner.search_space import nested, space_of
from components.tuner.settings import METRICS
from pipeline.settings.sections.section import ConfigSection, Task
from pipeline.settings.sections.training import TrainingSection


class TuneSection(ConfigSection):
    """How settings of [training] are searched, by the newest rows of the train window."""

    trials: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Trainings, the first with the settings as they are; 0 does not search."""
    minutes: Annotated[float, Field(ge=0)] = 0.0
    """No trial is begun after so many minutes of training; 0 is no limit."""
    max_rows: Annotated[int, Field(ge=10_000)] = 50_000
    """Rows that a trial learns from and is judged on, at most: a random sample in the order of time."""
    metric: Literal["", "log_loss", "auc", "average_precision", "accuracy", "rmse", "mae"] = ""
    """What is searched for; empty is log loss, or RMSE of a regression."""
    method: Literal["bayesian", "random"] = "bayesian"
    """How the settings of the next trial are chosen."""
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.05
    """The best settings are taken if chance explains their gain with less than that probability, the number of trials
    accounted for; 1 takes them whenever their score is better."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Of the trials."""
    reuse: bool = False
    """On this machine: later runs take what was found, without searching again, as long as [training] and what else it
    was found for stay the same. Without it, `plumbline tuned --write` keeps it, in [training]."""
    space: dict[str, Any] = {}
    """Setting of [training] -> { min, max }, an array of values, or false to leave it alone; those of [training.trees]
    in [tune.space.trees]. What is not named has a space of its own."""


def check_tune(tune: TuneSection, training: TrainingSection, task: Task) -> None:
    """ValueError for what the task, the model or the settings themselves have no use for."""
    if tune.metric and tune.metric not in METRICS[task]:
        raise ValueError(f"[tune] metric: {tune.metric}: a {task} task is searched by {', '.join(METRICS[task])}")
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
    """The table [training] with a part of it replaced, checked like any."""
    told = training.model_dump()
    return TrainingSection.model_validate({**told, **found, "trees": {**told["trees"], **found.get("trees", {})}})


def tune_error(training: TrainingSection, found: dict[str, Any]) -> str:
    """What [training] has against a part of itself; "" if nothing."""
    try:
        with_values(training, found)
    except ValidationError as exc:
        first = exc.errors()[0]
        if first["type"] == "extra_forbidden":
            return f"{'.'.join(map(str, first['loc']))}: unknown key"
        message = first["msg"].removeprefix("Value error, ")
        return f"{message[0].lower()}{message[1:]}"
    return ""
