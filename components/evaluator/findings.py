"""Findings of an evaluation as typed records: the lists `violations` and `notices` of verdict.json. Pure.

Each record is a JSON object with `kind`, the class's KIND, and the class's fields. A violation prevents the blessing; a
notice does not. Code reads the fields; text is made where it is shown, see finding_text.py. docs/verdict.md lists all
kinds.

Values and differences are in the unit of their metric. A number that is undefined on these rows (NaN) is None, in JSON
null. `significant` says whether a test at 5 % rejects that the difference is chance.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, cast


@dataclass(frozen=True)
class Figure:
    """A metric of the candidate (`value`) beside that of a baseline on the same rows."""

    metric: str
    value: float | None
    baseline: float | None


@dataclass(frozen=True)
class Lead:
    """A metric in which a baseline is ahead: candidate less baseline, and the 95 % interval of that."""

    metric: str
    value: float
    baseline: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """Base of all kinds."""

    KIND: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """As an object of verdict.json; NaN becomes None."""
        found: dict[str, Any] = _without_nan({"kind": self.KIND, **asdict(self)})
        return found


@dataclass(frozen=True)
class ThresholdViolation(Finding):
    """A metric beyond its limit.

    Attributes:
      slice: "" is all rows, else "origin=EWR".
      metric: Its name.
      value: The candidate's.
      limit: The lowest allowed value, or the highest of a metric that is better lower.
      against: "threshold", TFMA's absolute threshold, or "champion", the change threshold: the champion's value with
        the tolerance.
      significant: False if the difference to the champion may be chance; then it is a notice and no violation.
      p_value: Of "no worse than the champion"; None where it was not tested or is undefined.
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
    """The candidate is not shown to be better than the prior, which predicts the same for every row.

    Attributes:
      outcome: "not_better", "not_significant", or "undefined" (the eval split has a single class).
      figures: The metrics that were compared; empty where undefined.
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
    """The mean predicted probability differs from the observed rate by more than chance and by over 10 % of it.

    Attributes:
      mean_score: Mean predicted probability of the positive class; of classes, of the predicted class.
      observed: Share of positive rows; of classes, accuracy.
      difference: `mean_score` less `observed`.
      low: Lower end of its 95 % interval.
      high: Upper end.
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
    """Eval rows whose class occurs in no train row; they are left out of all metrics.

    Attributes:
      classes: Class -> rows.
      accuracy: With these rows counted as errors.
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
    """Columns that the champion gets otherwise than in training: `problem` is "missing" or "converted" (their type)."""

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
    """The record of an object of verdict.json; None for a kind, or without a field, that this version does not know."""
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
