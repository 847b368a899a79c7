"""Measurements: what a check found in one window, in one form for alarms, store, command and dashboard."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "skew",
    "drift",
    "prediction_drift",
    "transform_skew",
    "missing",
    "unknown",
    "out_of_range",
    "traffic",
    "errors",
    "latency",
    "label_coverage",
    "estimated_performance",
    "performance",
    "concept_drift",
    "prior_shift",
]
"""`skew`: against the training data. `drift`: against the window before, or like windows. `transform_skew`: logged
predictions against those of the same rows replayed through the model. `unknown`: values outside the vocabulary or
domain. `estimated_performance`: without labels, or with some of them; `performance`: with mature labels."""

Reference = Literal["training", "previous", "history", "evaluation", "setting"]
"""What a value is compared with: the training data; the window before; like windows of the past; the metrics of the
version's evaluation; a fixed value in the settings."""

Level = Literal["negligible", "moderate", "severe"]


@dataclass(frozen=True)
class Measurement:
    """One value of one window, with what it is compared with.

    Attributes:
      kind: What was measured.
      subject: Column, metric or quantity: "dep_delay", "auc", "p99"; "(columns)" for the joint distribution.
      measure: Name of the distance or statistic, such as "chebyshev".
      value: The value; None if the check abstains, and `detail` says why.
      effect: Distance from the reference towards harm, at least 0, in the unit of `moderate` and `severe`.
      moderate: Effect from which it is moderate.
      severe: Effect from which it is severe; at least `moderate`.
      rows: Number of rows that the value is computed from.
      detail: One sentence for a person.
      reference: What it is compared with.
      reference_value: The value there, if it is one number.
      slice: Slice such as "origin=EWR"; "" for all rows.
      version: Model version whose requests were measured; None for all.
      low: Lower bound of the interval of the value, if there is one.
      high: Upper bound.
      p_value: Probability under "no change" of an effect at least as large, from the rows of the window alone; None if
        unknown. It is no evidence that the windows are exchangeable: see monitor.alarms.
      weight: Importance of the subject to the model, in [0, 1]; 1 if unknown.
      at: Value or point where the effect is attained.
      unit: Unit of `value` for a display: "" or "s" or "%".
    """

    kind: Kind
    subject: str
    measure: str
    value: float | None
    effect: float
    moderate: float
    severe: float
    rows: int
    detail: str = ""
    reference: Reference = "training"
    reference_value: float | None = None
    slice: str = ""
    version: int | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    weight: float = 1.0
    at: str | float | None = None
    unit: str = ""

    @property
    def level(self) -> Level:
        """Severity of the effect, whatever the number of rows."""
        if self.value is None or self.effect < self.moderate:
            return "negligible"
        return "severe" if self.effect >= self.severe else "moderate"

    @property
    def at_text(self) -> str:
        """`at` as a text, numbers with six significant digits, since a float32 has no more; "" without one."""
        return "" if self.at is None else self.at if isinstance(self.at, str) else f"{self.at:.6g}"

    @property
    def stream(self) -> str:
        """Key of the series over windows that this measurement belongs to."""
        return "|".join((self.kind, self.subject, self.measure, self.reference, self.slice))

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object, with `level`."""
        return {**asdict(self), "level": self.level}
