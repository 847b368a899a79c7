"""The table [evaluation]: evaluation policy, and selection of the decision threshold."""

from typing import Annotated

from pydantic import Field, field_validator

from components.shared.statistics.metric_names import RATES
from components.shared.statistics.slice_sizes import MIN_SLICE_ROWS
from components.shared.statistics.threshold_criteria import criterion_error
from pipeline.settings.sections.section import ConfigSection, Names, Policy, Task


class EvaluationSection(ConfigSection):
    """Evaluation policy: conditions of the blessing."""

    slices: tuple[Annotated[Names, Field(min_length=1)], ...] = ()
    """Slices of the evaluation; each entry is one feature, or several features to cross."""
    thresholds: dict[str, float] = {}
    """Absolute thresholds: metric -> bound over all rows (an upper bound for errors and losses)."""
    slice_thresholds: dict[str, float] = {}
    """Absolute thresholds of slices: metric -> bound on every slice with at least `min_slice_rows` rows."""
    tolerance: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Change thresholds: metric -> how much worse than the champion, on the same rows, a candidate may be. A larger
    loss prevents the blessing if it is significant: Holm's procedure at 5 %, of which all slices together get a fifth,
    1 %, or 5 % without tolerances over all rows. A larger loss that cannot be tested (a slice of fewer than 30 rows,
    calibration_error) prevents it, too."""
    slice_tolerance: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Change thresholds of slices: metric -> how much worse than the champion a candidate may be on a slice with at
    least `min_slice_rows` rows. A larger loss prevents the blessing if it is significant, see `tolerance`."""
    min_slice_rows: Annotated[int, Field(ge=1)] = MIN_SLICE_ROWS
    """Minimum number of eval rows of a slice. Smaller slices have no thresholds, intervals or comparisons; error
    analysis and fairness use the same number."""
    linear_baseline: Policy = "warn"
    """Policy if the linear baseline is significantly better than the candidate: `block` (no blessing) or `warn`."""
    prior_baseline: Policy = "block"
    """Policy if a first candidate (without a champion) is not significantly better than the prior: `block` (no
    blessing) or `warn`. A candidate that is not better than the prior at all is never blessed."""
    strongest_column: Policy = "block"
    """Policy if a single column predicts significantly better than the candidate, which then does not use the
    information in that column: `block` (no blessing) or `warn`."""
    sensitive: Names = ()
    """Sensitive columns, between whose values decisions are compared; binary labels only."""
    max_disparity: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Rate -> maximum disparity between two values of a sensitive column with at least `min_slice_rows` rows each."""
    threshold_metric: str | dict[str, float] = "f1"
    """Metric that the decision threshold maximises on the validation split: f1, accuracy or balanced_accuracy; or
    { precision = 0.8 }, the highest recall with at least that precision, or { recall = 0.8 }. Binary labels only."""

    @field_validator("threshold_metric")
    @classmethod
    def _criterion_is_known(cls, threshold_metric: str | dict[str, float]) -> str | dict[str, float]:
        if said := criterion_error(threshold_metric):
            raise ValueError(said)
        return threshold_metric


def check_evaluation(evaluation: EvaluationSection, task: Task) -> None:
    """Raises ValueError for keys that do not apply to the task or contradict other keys."""
    if task != "binary":
        given = {"sensitive": bool(evaluation.sensitive), "threshold_metric": evaluation.threshold_metric != "f1"}
        for key in (key for key, there in given.items() if there):
            raise ValueError(f"[evaluation] {key}: only a binary label is decided by a threshold; take it out")
    for key in ("slice_thresholds", "slice_tolerance"):
        if getattr(evaluation, key) and not evaluation.slices:
            raise ValueError(f"[evaluation] {key}: no slices are evaluated; name columns in slices, or take it out")
    if evaluation.max_disparity and not evaluation.sensitive:
        raise ValueError("[evaluation] max_disparity: between what? name columns as sensitive, or take it out")
    if unknown := sorted(evaluation.max_disparity.keys() - set(RATES)):
        raise ValueError(f"[evaluation] max_disparity: {unknown[0]} is no rate; legal: {', '.join(RATES)}")
