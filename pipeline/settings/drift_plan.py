"""Derives DriftValidator's parameters from a dataset's settings."""

from collections.abc import Mapping

from components.drift_validator.drift_detection import DriftConfig
from components.drift_validator.thresholds import DriftThresholds
from components.shared.features.derived_features import readings
from components.shared.images.statistic_names import statistics_columns
from pipeline.settings.config import Config
from pipeline.settings.feature_types import feature_kinds


def plan_of(config: Config, types: Mapping[str, str]) -> DriftConfig:
    """What to compare: features and label, the ids for what is missing; columns that are only carried are left out.

    `types` are column -> type alias, see arrow_example_gen/columns.py.
    """
    dataset = config.dataset
    features = feature_kinds(config, types) if config.features.dates else {}
    dates = features.get("dates", {})
    made = [name for names in features.get("derived", {}).values() for name in names]
    images = config.features.image  # compared by their statistics
    categorical = list(config.features.categorical)
    if dataset.task != "regression":
        categorical.append(dataset.label)
    return DriftConfig(
        rules=DriftThresholds(
            rule=config.drift.rule,
            alpha=config.drift.alpha,
            effects=dict(config.drift.effect_sizes),
            thresholds=dict(config.drift.thresholds),
            slice_effect=config.drift.slice_effect_size,
            severe=dict(config.drift.severe_effect_sizes),
        ),
        roles={
            **dict.fromkeys(dataset.id, "id"),
            **dict.fromkeys((name for name in config.features.names if name not in images), "feature"),
            **dict.fromkeys(statistics_columns(images), "feature"),
            dataset.label: "label",
        },
        categorical=tuple(categorical),
        texts=config.features.text,
        others="carry",
        dates=features.get("moments", {}),
        derived=tuple(name for name in made if readings(name)[0].column in dates),
        slices=config.drift.slices,
        min_slice_rows=config.drift.min_slice_rows,
        joint_rows=config.drift.joint_rows,
    )
