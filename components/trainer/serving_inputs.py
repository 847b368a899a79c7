"""Writes assets.extra/serving_inputs.json of a SavedModel: the columns behind the inputs of serving_default.

    {"inputs": {input name: column}, "kinds": {column: kind}, "domains": {column: domain}, "task", "label", "positive"}

The names differ where TensorFlow does not allow a column's name, see signatures.input_names. Kinds are numeric (also
cyclical), categorical, integer_category, text, image, date, timestamp and list. Domains are those of the schema:
{"min": a, "max": b}, of which one may be missing, or {"values": [...]}; a column without one is missing. `positive` is
the value of a binary label that is the positive class, "" for labels 0 and 1.
"""

import json
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.features.derived_features import sent
from components.shared.serving.serving_contract import SERVING_INPUTS
from components.trainer.signatures import input_names


def write_serving_inputs(folder: str, schema: schema_pb2.Schema, tables: Mapping[str, Any]) -> None:
    """Writes the file.

    Args:
      folder: Folder of the SavedModel.
      schema: Schema of the raw examples.
      tables: Sections `dataset` and `features`, as in training.run_fn.
    """
    content = serving_inputs(schema, tables["dataset"], tables["features"])
    tf.io.gfile.makedirs(f"{folder}/{SERVING_INPUTS}".rpartition("/")[0])
    with tf.io.gfile.GFile(f"{folder}/{SERVING_INPUTS}", "w") as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def serving_inputs(
    schema: schema_pb2.Schema, dataset: Mapping[str, Any], features: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the content of the file."""
    names = sent(features)
    columns = {feature.name: feature for feature in schema.feature}
    shared = {domain.name: domain for domain in schema.string_domain}
    domains = {name: _domain(columns[name], shared) for name in names if name in columns}
    positive = dataset.get("positive")
    return {
        "inputs": dict(zip(input_names(names), names, strict=True)),
        "kinds": {name: _kind(name, features, columns.get(name)) for name in names},
        "domains": {name: domain for name, domain in domains.items() if domain},
        "task": dataset["task"],
        "label": dataset["label"],
        "positive": "" if positive is None else str(positive),
    }


def _kind(name: str, features: Mapping[str, Any], column: schema_pb2.Feature | None) -> str:
    if name in features.get("moments", {}):
        return str(features["moments"][name])
    if name in features.get("lists", {}):
        return "list"
    if name in features.get("text", ()):
        return "text"
    if name in features.get("image", ()):
        return "image"
    if name in features.get("categorical", ()):
        return "integer_category" if column is not None and column.type == schema_pb2.INT else "categorical"
    return "numeric"


def _domain(column: schema_pb2.Feature, shared: Mapping[str, schema_pb2.StringDomain]) -> dict[str, Any]:
    kind = column.WhichOneof("domain_info")
    if kind in ("int_domain", "float_domain"):
        bounds = getattr(column, kind)
        return {end: getattr(bounds, end) for end in ("min", "max") if bounds.HasField(end)}
    if kind == "string_domain":
        return {"values": list(column.string_domain.value)}
    if kind == "domain" and column.domain in shared:
        return {"values": list(shared[column.domain].value)}
    return {}
