"""Findings of an evaluation as typed records: the lists `violations` and `notices` of verdict.json.

In JSON a record is an object with `kind`, the class's KIND, and the fields of the class. A violation prevents the
blessing; a notice does not. Code reads the fields; finding_text.py formats them for display. docs/verdict.md lists all
kinds.

Values and differences are in the unit of their metric. An undefined number (NaN) is None, in JSON null. `significant`
says whether a test at 5 % rejects the null hypothesis of no difference.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, cast


@dataclass(frozen=True)
class Figure:
    """A metric of the candidate (`value`) and of a baseline on the same rows."""

    metric: str
    value: float | None
    baseline: float | None


@dataclass(frozen=True)
class Lead:
    """A metric in which a baseline is better: candidate minus baseline, and its 95 % interval."""

    metric: str
    value: float
    baseline: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """Base class of all kinds."""

    KIND: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the object of verdict.json; NaN becomes None."""
        found: dict[str, Any] = _without_nan({"kind": self.KIND, **asdict(self)})
        return found


@dataclass(frozen=True)
class ThresholdViolation(Finding):
    """A metric beyond its limit.

    Attributes:
      slice: "" is all rows, else "origin=EWR".
      metric: Name of the metric.
      value: Value of the candidate.
      limit: The lowest allowed value, or the highest for a metric that is better when lower.
      against: "threshold", TFMA's absolute threshold, or "champion", the change threshold: the champion's value with
        the tolerance.
      significant: False if the difference to the champion is not significant; it is then a notice, not a violation.
      p_value: p-value of "no worse than the champion"; None if not tested or undefined.
    """

    KIND: ClassVar[str] = "threshold_violation"
    slice: str
    metric: str
    value: float | None
    limit: float | None
    against: str
    significant: bool = True
    p_value: float | None = None


@dataclass(frozen=True)
class PriorBaseline(Finding):
    """The candidate is not significantly better than the prior, which predicts the same value for every row.

    Attributes:
      outcome: "not_better", "not_significant", or "undefined" (the eval split has a single class).
      figures: The compared metrics; empty if undefined.
    """

    KIND: ClassVar[str] = "prior_baseline"
    outcome: str
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class LinearBaseline(Finding):
    """The candidate does not beat the linear baseline in the task's main metric."""

    KIND: ClassVar[str] = "linear_baseline"
    metric: str
    value: float
    baseline: float
    significant: bool


@dataclass(frozen=True)
class SimplerModelAhead(Finding):
    """The linear baseline is better than the candidate in other metrics; each 95 % interval excludes 0."""

    KIND: ClassVar[str] = "simpler_model_ahead"
    baseline: str
    metrics: tuple[Lead, ...]


@dataclass(frozen=True)
class StrongestColumn(Finding):
    """The candidate is significantly worse (`value`) than one of its columns alone (`alone`)."""

    KIND: ClassVar[str] = "strongest_column"
    column: str
    metric: str
    value: float
    alone: float


@dataclass(frozen=True)
class Miscalibration(Finding):
    """The mean predicted probability differs from the observed rate, significantly and by more than 10 % of it.

    Attributes:
      mean_score: Mean predicted probability of the positive class; multiclass: of the predicted class.
      observed: Share of positive rows; multiclass: accuracy.
      difference: `mean_score` minus `observed`.
      low: Lower bound of its 95 % interval.
      high: Upper bound.
      calibration_error: Expected calibration error, in [0, 1].
    """

    KIND: ClassVar[str] = "miscalibration"
    mean_score: float
    observed: float
    difference: float
    low: float
    high: float
    calibration_error: float | None


@dataclass(frozen=True)
class LowPower(Finding):
    """The eval split is too small to detect a loss of twice the tolerance; `detectable` is the smallest it detects."""

    KIND: ClassVar[str] = "low_power"
    metric: str
    tolerance: float
    detectable: float


@dataclass(frozen=True)
class FairnessGap(Finding):
    """A metric of group `high` exceeds that of group `low` by `value`, which is above `limit`."""

    KIND: ClassVar[str] = "fairness_gap"
    metric: str
    column: str
    high: str
    low: str
    value: float
    limit: float
    significant: bool


@dataclass(frozen=True)
class FairnessNotCompared(Finding):
    """Fewer than two groups of a sensitive column have `min_rows` rows."""

    KIND: ClassVar[str] = "fairness_not_compared"
    column: str
    min_rows: int


@dataclass(frozen=True)
class UnknownClasses(Finding):
    """Eval rows of classes without a train row; they are left out of all metrics.

    Attributes:
      classes: Class -> rows.
      accuracy: Accuracy with these rows counted as errors.
    """

    KIND: ClassVar[str] = "unknown_classes"
    classes: Mapping[str, int] = field(default_factory=dict)
    accuracy: float | None = None


@dataclass(frozen=True)
class ChampionIncomparable(Finding):
    """The champion was trained with another schema and is not compared."""

    KIND: ClassVar[str] = "champion_incomparable"
    reason: str


@dataclass(frozen=True)
class ChampionColumns(Finding):
    """Columns that have changed since the champion was trained: `problem` is "missing" or "converted" (their type)."""

    KIND: ClassVar[str] = "champion_columns"
    problem: str
    columns: tuple[str, ...]


KINDS: Mapping[str, type[Finding]] = {
    one.KIND: one
    for one in (
        ThresholdViolation,
        PriorBaseline,
        LinearBaseline,
        SimplerModelAhead,
        StrongestColumn,
        Miscalibration,
        LowPower,
        FairnessGap,
        FairnessNotCompared,
        UnknownClasses,
        ChampionIncomparable,
        ChampionColumns,
    )
}
"""`kind` -> class."""


def finding_from(found: Mapping[str, Any]) -> Finding | None:
    """Reads a finding from an object of verdict.json; None if this version does not know its kind or its fields."""
    kind = KINDS.get(str(found.get("kind")))
    if kind is None:
        return None
    values = {one.name: found[one.name] for one in fields(kind) if one.name in found}
    inner = {"figures": Figure, "metrics": Lead}
    try:
        for name, made in inner.items():
            if name in values:
                values[name] = tuple(made(**one) for one in values[name])
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
    except TypeError:
        return None


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_without_nan(inner) for inner in value]
    return _without_nan(asdict(cast(Any, value))) if is_dataclass(value) else value
