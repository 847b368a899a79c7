"""The text of a drafted schema.pbtxt: every column with its type, what is certain of it, and how far it may drift."""

from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.texts.escaping import on_one_line, pbtxt_text
from components.table_reading.column_types import TAGS
from components.table_reading.schema_inference import InferredSchema
from pipeline.onboarding.initialise.column_types import DraftColumn
from pipeline.onboarding.initialise.column_values import value_counts
from pipeline.onboarding.initialise.proposal import Proposal

LARGEST_DOMAIN = 50
SAFE_COUNT = 20
"""A column with a rarer value has others that were not seen yet; to list its values would block the next span."""
FEW_INTEGERS = 31
DRIFT = 0.1
"""A share that moves by 10 points matters. What chance does to few rows is the calibrated rule's business."""


def schema_text(name: str, proposal: Proposal, found: InferredSchema) -> str:
    """schema.pbtxt: every column with its type, what is certain of it, and how far it may drift."""
    parts = [
        f"# What a span of {name} may hold. Drafted by plumbline init; what is known better belongs here.\n"
        "# presence: min_fraction 1.0 is a value in every row. domain: the legal values; up to 5 % of others pass.\n"
        "# drift_comparator: how far eval may be from train before the column counts as drifted: infinity_norm is the\n"
        "# Chebyshev distance between shares of values or, for numbers, between distribution functions.\n"
    ]
    domains = []
    for column in proposal.columns:
        feature = _feature(column, proposal, found)
        values = _domain(column, proposal, found)
        if values:
            feature.domain = column.name
            if column.kind != "label":  # another label value than these cannot be learned from
                feature.distribution_constraints.min_domain_mass = 0.95
            domains.append(schema_pb2.StringDomain(name=column.name, value=values))
        why = column.suspicious or column.note
        remark = on_one_line(why if column.suspicious else f"({why})")
        comment = f"# {on_one_line(column.name)} {remark}\n" if why else ""
        parts.append(comment + _text(schema_pb2.Schema(feature=[feature])))
    parts += [_text(schema_pb2.Schema(string_domain=[one])) for one in domains]
    return "\n".join(parts)


def _text(schema: Any) -> str:
    return pbtxt_text(text_format.MessageToString(schema, as_utf8=True))


def _feature(column: DraftColumn, proposal: Proposal, found: InferredSchema) -> schema_pb2.Feature:
    feature = schema_pb2.Feature(name=column.name)
    kind = column.type.removeprefix("list:")
    floats = dict.fromkeys(("float64", *TAGS), schema_pb2.FLOAT)
    feature.type = {**floats, "string": schema_pb2.BYTES}.get(kind, schema_pb2.INT)
    if column.type in TAGS:
        feature.annotation.tag.append(TAGS[column.type])
    certain = column.kind == "label" or (column.name in proposal.id and not found.missing[column.name])
    if certain:  # rows without a label are left out before anything is counted
        feature.presence.min_fraction = 1.0
        feature.presence.min_count = 1
        feature.value_count.min = 1
    else:
        feature.presence.min_count = 0
    if column.type.startswith("list:"):
        feature.value_count.min = 0
    else:
        feature.value_count.max = 1
    classes = column.kind == "categorical" or (column.kind == "label" and proposal.task != "regression")
    # Of a few integers the shares are told, not how many lie below.
    classes = classes or (column.type == "int64" and column.distinct <= FEW_INTEGERS and column.kind != "label")
    if column.type == "bool":
        feature.bool_domain.SetInParent()
    elif column.type in ("date", "timestamp"):
        time = schema_pb2.TimeDomain
        feature.time_domain.integer_format = time.UNIX_DAYS if column.type == "date" else time.UNIX_MICROSECONDS
    elif column.type == "int64" and classes:
        feature.int_domain.is_categorical = True
    if not column.suspicious and column.kind in ("label", "categorical", "numeric", "cyclical", "time", "text"):
        feature.drift_comparator.infinity_norm.threshold = DRIFT
    return feature


def _domain(column: DraftColumn, proposal: Proposal, found: InferredSchema) -> list[str]:
    """The legal values of a text column if they are few and each is frequent, so that no other is to be expected."""
    classes = column.kind == "label" and proposal.task != "regression"
    if column.type != "string" or not (classes or (column.kind == "categorical" and column.is_feature)):
        return []
    counts = value_counts(found.sample, column.name)
    if not counts or len(counts) > LARGEST_DOMAIN or "" in counts:
        return []
    whole = classes and found.sample.num_rows == found.rows and not len(set(found.spans)) > 1
    return sorted(counts) if whole or min(counts.values()) >= SAFE_COUNT else []
