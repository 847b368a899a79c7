"""The table [evaluation]: how a candidate is judged, and from which probability on it decides."""

from typing import Annotated

from pydantic import Field, field_validator

from components.shared.statistics.metric_names import RATES
from components.shared.statistics.threshold_criteria import criterion_error
from pipeline.settings.sections.section import ConfigSection, Names, Policy, Task


class EvaluationSection(ConfigSection):
    """The bar that a candidate has to clear to be blessed."""

    slices: tuple[Annotated[Names, Field(min_length=1)], ...] = ()
    """Each entry is one feature, or several for their cross."""
    thresholds: dict[str, float] = {}
    """Metric -> the value that the candidate must reach overall (an upper bound for errors and losses)."""
    slice_thresholds: dict[str, float] = {}
    """The same for every slice with at least `min_slice_rows` rows."""
    tolerance: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Metric -> how much worse than the champion, on the same rows, still counts as no regression. More counts as one
    if chance does not explain it."""
    slice_tolerance: dict[str, Annotated[float, Field(ge=0)]] = {}
    """The same for every slice with at least `min_slice_rows` rows."""
    min_slice_rows: Annotated[int, Field(ge=1)] = 500
    """A slice with fewer eval rows is not judged."""
    linear_baseline: Policy = "warn"
    """A candidate that a linear model surely beats: `block` does not bless it, `warn` says so."""
    prior_baseline: Policy = "block"
    """A first candidate (there is no champion) that is ahead of the prior by no more than chance explains: `block` does
    not bless it, `warn` says so. One that is not ahead of the prior at all is never blessed."""
    strongest_column: Policy = "block"
    """A candidate that is surely worse than one of its own columns on its own, so that the values of that column were
    lost on the way to it: `block` does not bless it, `warn` says so."""
    sensitive: Names = ()
    """Columns between whose values the decisions are compared; binary labels only."""
    max_disparity: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Rate -> how far apart it may lie between two values of a sensitive column that have `min_slice_rows` rows."""
    threshold_metric: str | dict[str, float] = "f1"
    """What the decision threshold is best in on the validation rows: f1, accuracy or balanced_accuracy; or
    { precision = 0.8 }, the highest recall with at least that precision, or { recall = 0.8 }. Binary labels only."""

    @field_validator("threshold_metric")
    @classmethod
    def _criterion_is_known(cls, threshold_metric: str | dict[str, float]) -> str | dict[str, float]:
        if said := criterion_error(threshold_metric):
            raise ValueError(said)
        return threshold_metric


def check_evaluation(evaluation: EvaluationSection, task: Task) -> None:
    """ValueError for what the task or the other keys have no use for."""
    if task != "binary":
        given = {"sensitive": bool(evaluation.sensitive), "threshold_metric": evaluation.threshold_metric != "f1"}
        for key in (key for key, there in given.items() if there):
            raise ValueError(f"[evaluation] {key}: only a binary label is decided by a threshold; take it out")
    if evaluation.max_disparity and not evaluation.sensitive:
        raise ValueError("[evaluation] max_disparity: between what? name columns as sensitive, or take it out")
    if unknown := sorted(evaluation.max_disparity.keys() - set(RATES)):
        raise ValueError(f"[evaluation] max_disparity: {unknown[0]} is no rate; legal: {', '.join(RATES)}")
