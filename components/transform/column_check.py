"""Checks of the columns that pipeline.toml names, before the transform graph is built."""

from collections.abc import Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.errors import ConfigError
from components.shared.features.derived_features import sent


def check_schema(schema: schema_pb2.Schema, custom_config: Mapping[str, Any]) -> None:
    """Checks the columns of pipeline.toml against the schema.

    Args:
      schema: The curated schema.
      custom_config: Sections `dataset` and `features` of pipeline.toml.

    Raises:
      ConfigError: A column is not in the schema, or holds text where numbers are needed.
    """
    columns = {feature.name: feature.type == schema_pb2.BYTES for feature in schema.feature}
    check_columns(columns, custom_config)


def check_columns(is_text: Mapping[str, bool], custom_config: Mapping[str, Any]) -> None:
    """Checks the columns of pipeline.toml against the columns that the graph gets.

    Args:
      is_text: Column -> whether it holds text.
      custom_config: Sections `dataset` and `features` of pipeline.toml.

    Raises:
      ConfigError: A column is missing, or holds text where numbers are needed.
    """
    dataset, features = custom_config["dataset"], custom_config["features"]
    kinds = {name: kind for kind in ("numeric", "cyclical") for name in features.get(kind, ())}
    for name in (*sent(features), dataset["label"]):
        if name not in is_text:
            raise ConfigError(f"pipeline.toml: {name} is not in the schema; available: {', '.join(sorted(is_text))}")
    for name, kind in kinds.items():
        if is_text[name]:
            raise ConfigError(f"pipeline.toml: [features] {kind}: {name} holds text in the schema; make it categorical")
    for name in features.get("text", ()):
        if not is_text[name]:
            raise ConfigError(f"pipeline.toml: [features] text: {name} holds numbers in the schema; make it numeric")
        taken = [other for other in kinds if other.startswith((f"{name}#", f"{name}: score"))]
        if taken:  # the columns computed from the text would have the same names
            raise ConfigError(
                f"pipeline.toml: [features] text: {name}: {taken[0]} is a column, too; rename one of them"
            )
    needs_number = dataset["task"] == "regression" or (dataset["task"] == "binary" and dataset.get("positive") is None)
    if needs_number and is_text[dataset["label"]]:
        raise ConfigError(
            f"pipeline.toml: [dataset] label: {dataset['label']} holds text in the schema; "
            "name its positive value as [dataset] positive, or give another task"
        )
