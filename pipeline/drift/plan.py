"""From a dataset's settings to what DriftValidator is told."""

from components.drift_validator.detecting import Plan
from components.drift_validator.rules import Rules
from pipeline.config import Config


def plan_of(config: Config) -> Plan:
    """What to compare: features and label, the ids for what is missing; columns that are only carried are left out."""
    dataset = config.dataset
    categorical = list(config.features.categorical)
    if dataset.task != "regression":
        categorical.append(dataset.label)
    return Plan(
        rules=Rules(
            rule=config.drift.rule,
            alpha=config.drift.alpha,
            effects=dict(config.drift.effects),
            thresholds=dict(config.drift.thresholds),
            slice_effect=config.drift.slice_effect,
        ),
        roles={
            **dict.fromkeys(dataset.id, "id"),
            **dict.fromkeys(config.features.names, "feature"),
            dataset.label: "label",
        },
        categorical=tuple(categorical),
        texts=config.features.text,
        others="carry",
        slices=config.drift.slices,
        min_slice_rows=config.drift.min_slice_rows,
        joint_rows=config.drift.joint_rows,
    )
