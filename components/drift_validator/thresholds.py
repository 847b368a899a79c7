"""When a distance counts as drift: what users set, in the schema and in pipeline.toml."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2

from components.drift_validator.distances.registry import MEASURES

Rule = Literal["calibrated", "fixed"]

EFFECTS: Mapping[str, float] = {one.name: one.effect_size for one in MEASURES if one.effect_size is not None}
"""Measure -> smallest distance that is reported where nothing else is set."""

MAIN = frozenset(one.name for one in MEASURES if one.is_main)
"""Measures that a feature's threshold is about, `infinity_norm` in the schema: Chebyshev (L-infinity) between shares of
values, and between distribution functions."""

REPRESENTATIVE = ("chebyshev", "kolmogorov_smirnov", "jensen_shannon", "total_variation", "joint", "repeated")
"""Measures that stand for a feature where one is shown, the preferred first: the first that was measured."""


@dataclass(frozen=True)
class Rules:
    """What counts as drift.

    Attributes:
      rule: "calibrated": a distance that chance explains with less than `alpha` (after Benjamini-Hochberg over all that
        is compared), and that is more than its threshold. "fixed": a distance that is more than its threshold.
      alpha: False discovery rate of the calibrated rule, in (0, 1).
      effects: Measure -> threshold, where a feature has none of its own.
      thresholds: Feature -> threshold of its main distance.
      divergences: Feature -> threshold of its Jensen-Shannon divergence; measured only where there is one.
      slice_effect: The least that a slice has to move more than all rows do, where its threshold is smaller.
    """

    rule: Rule = "calibrated"
    alpha: float = 0.01
    effects: Mapping[str, float] = field(default_factory=lambda: dict(EFFECTS))
    thresholds: Mapping[str, float] = field(default_factory=dict)
    divergences: Mapping[str, float] = field(default_factory=dict)
    slice_effect: float = 0.0

    def threshold(self, feature: str, measure: str) -> float:
        """The least distance of this measure, on this feature, that matters; in [0, 1]."""
        if measure == "jensen_shannon":
            return self.divergences[feature]
        if measure in MAIN and feature in self.thresholds:
            return self.thresholds[feature]
        return self.effects.get(measure, EFFECTS[measure])

    def with_schema(self, schema: schema_pb2.Schema, comparator: Literal["drift", "skew"] = "drift") -> "Rules":
        """The same, with the thresholds of a schema's comparators where this sets none.

        Args:
          schema: `infinity_norm` is a feature's threshold, `jensen_shannon_divergence` its divergence's.
          comparator: Which of a feature's two comparators is read: of drift (over time), or of skew (training against
            serving).
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
        """As a component's parameter."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Rules":
        """What `to_json` wrote."""
        return cls(**json.loads(text))
