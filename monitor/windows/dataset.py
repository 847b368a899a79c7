"""What the monitor knows about a dataset, from its settings and its schema."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.drift_validator.drift_detection import DriftConfig

Domain = Mapping[str, object]
"""{"min": a, "max": b}, either of which may be missing, or {"values": [text, ...]}."""


@dataclass(frozen=True)
class MonitoredDataset:
    """A dataset.

    Attributes:
      name: Name of the dataset, and of the model in the request log.
      task: "binary", "multiclass" or "regression".
      label: Name of the label column.
      positive: Positive class of a binary task as a text; "" if the labels are 0 and 1.
      features: Feature -> type alias of the schema: int64, float64, string, bool, date, timestamp or "list:" and one of
        them; in the order of the settings.
      drift: Settings of a comparison with the window before, with the drift comparators of the schema.
      skew: Settings of a comparison with the training data, with the skew comparators of the schema.
      domains: Feature -> domain in the schema; a feature without one is missing.
      separators: List feature -> separator of its items in a request.
    """

    name: str
    task: str
    label: str
    features: Mapping[str, str]
    positive: str = ""
    drift: DriftConfig = field(default_factory=DriftConfig)
    skew: DriftConfig = field(default_factory=DriftConfig)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    separators: Mapping[str, str] = field(default_factory=dict)
