"""Drift thresholds, from pipeline.toml and from the comparators of the schema."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tensorflow_metadata.proto.v0 import schema_pb2

from components.drift_validator.distances.registry import MEASURES

Rule = Literal["calibrated", "fixed"]

EFFECTS: Mapping[str, float] = {one.name: one.effect_size for one in MEASURES if one.effect_size is not None}
"""Measure -> default effect size."""

LEVELS: Mapping[str, tuple[float, float]] = {one.name: (one.moderate, one.severe) for one in MEASURES}
"""Measure -> default corrected distances from which drift is moderate and severe."""

MAIN = frozenset(one.name for one in MEASURES if one.is_main)
"""Main measures, to which a feature's threshold (`infinity_norm` in the schema) applies: the Chebyshev (L-infinity)
distance between shares of values or between distribution functions."""

REPRESENTATIVE = ("chebyshev", "kolmogorov_smirnov", "jensen_shannon", "total_variation", "joint", "repeated")
"""Measures in the order of preference where one stands for a feature, as in charts; the first measured one is taken."""


class SeverityLevels(NamedTuple):
    """Corrected distances from which the drift of a feature in one measure is moderate and severe, in [0, 1].

    Attributes:
      moderate: From here on it is moderate.
      severe: From here on it is severe; at least `moderate`.
      own: Whether `moderate` was set for the feature or the measure; drift above it is at least moderate.
    """

    moderate: float
    severe: float
    own: bool


@dataclass(frozen=True)
class DriftThresholds:
    """Thresholds and significance level of a comparison.

    Attributes:
      rule: "calibrated": a distance is drift if it exceeds its effect size and its q-value (Benjamini-Hochberg over all
        distances of the comparison) is at most `alpha`. "fixed": if it exceeds its effect size.
      alpha: False discovery rate of the rule "calibrated", in (0, 1).
      effects: Measure -> effect size in [0, 1] instead of the default, for features without a threshold of their own.
      thresholds: Feature -> effect size of its main measure, in [0, 1].
      divergences: Feature -> effect size of its Jensen-Shannon divergence, in [0, 1]; measured for these features only.
      slice_effect: Minimum effect size in slices, in [0, 1].
      severe: Measure -> corrected distance in [0, 1] from which drift is severe, instead of the default.
      importance: Feature -> importance to the model in production relative to the most important feature, in [0, 1];
        see relative_importance.MIN_IMPORTANCE. Features without an entry count in full.
    """

    rule: Rule = "calibrated"
    alpha: float = 0.01
    effects: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    divergences: Mapping[str, float] = field(default_factory=dict)
    slice_effect: float = 0.0
    severe: Mapping[str, float] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)

    def threshold(self, feature: str, measure: str) -> float:
        """Returns the effect size of a measure for a feature, in [0, 1]."""
        own = self._own(feature, measure)
        return EFFECTS[measure] if own is None else own

    def levels(self, feature: str, measure: str) -> SeverityLevels:
        """Returns the distances from which the drift of a feature is moderate and severe.

        Where an effect size was set for the feature or the measure, drift above it is moderate. It is severe from the
        measure's severe distance on, and at least twice the effect size.
        """
        moderate, severe = LEVELS[measure]
        own = self._own(feature, measure)
        if own is not None:
            moderate, severe = own, max(severe, min(1.0, 2 * own))
        return SeverityLevels(moderate, max(moderate, self.severe.get(measure, severe)), own is not None)

    def _own(self, feature: str, measure: str) -> float | None:
        """The effect size that was set, None for a default."""
        if measure == "jensen_shannon":
            return self.divergences[feature]
        if measure in MAIN and feature in self.thresholds:
            return self.thresholds[feature]
        return self.effects.get(measure)

    def with_schema(
        self, schema: schema_pb2.Schema, comparator: Literal["drift", "skew"] = "drift"
    ) -> "DriftThresholds":
        """Adds the thresholds of a schema's comparators for features without a threshold.

        Args:
          schema: Schema; `infinity_norm` is the threshold of the main measure, `jensen_shannon_divergence` that of the
            divergence.
          comparator: "drift" (over time) or "skew" (training against serving).
        """
        thresholds, divergences = {}, {}
        for feature in schema.feature:
            if not feature.HasField(f"{comparator}_comparator"):
                continue
            set_ = getattr(feature, f"{comparator}_comparator")
            if set_.HasField("infinity_norm"):
                thresholds[feature.name] = set_.infinity_norm.threshold
            if set_.HasField("jensen_shannon_divergence"):
                divergences[feature.name] = set_.jensen_shannon_divergence.threshold
        return dataclasses.replace(
            self,
            thresholds={**thresholds, **self.thresholds},
            divergences={**divergences, **self.divergences},
        )

    def to_json(self) -> str:
        """Serialises the rules as JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "DriftThresholds":
        """Reads the output of `to_json`."""
        return cls(**json.loads(text))
