"""Drafts schema.pbtxt: type, presence, domain and drift threshold of every column."""

from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.images.statistic_names import INTEGERS, PARTS, column_name
from components.shared.texts.escaping import on_one_line, pbtxt_text
from components.table_reading.column_types import IMAGE, TAGS
from components.table_reading.schema_inference import InferredSchema
from pipeline.onboarding.initialise.column_types import DraftColumn
from pipeline.onboarding.initialise.column_values import value_counts
from pipeline.onboarding.initialise.proposal import Proposal

LARGEST_DOMAIN = 50
SAFE_COUNT = 20
"""A column with rarer values probably has further unseen ones; a domain would block the next span."""
FEW_INTEGERS = 31
DRIFT = 0.1
"""Drift threshold: a share that changes by 10 percentage points. Calibrated thresholds account for sampling noise."""


def schema_text(name: str, proposal: Proposal, found: InferredSchema) -> str:
    """Drafts the text of schema.pbtxt.

    Args:
      name: Name of the dataset.
      proposal: The proposal.
      found: Survey of all rows.
    """
    parts = [
        f"# Schema of the spans of {name}. Drafted by plumbline init; correct it where you know better.\n"
        "# presence: min_fraction 1.0 requires a value in every row. domain: legal values; up to 5 % of others pass.\n"
        "# drift_comparator: drift threshold between train and eval; infinity_norm is the Chebyshev distance between\n"
        "# shares of values or, for numbers, the Kolmogorov-Smirnov distance.\n"
    ]
    domains = []
    for column in proposal.columns:
        feature = _feature(column, proposal, found)
        values = _domain(column, proposal, found)
        if values:
            feature.domain = column.name
            if column.kind != "label":  # other label values are never legal
                feature.distribution_constraints.min_domain_mass = 0.95
            domains.append(schema_pb2.StringDomain(name=column.name, value=values))
        why = column.suspicious or column.note
        remark = on_one_line(why if column.suspicious else f"({why})")
        comment = f"# {on_one_line(column.name)} {remark}\n" if why else ""
        made = _statistics(column.name) if column.kind == "image" and column.is_feature else []
        parts.append(comment + _text(schema_pb2.Schema(feature=[feature, *made])))
    parts += [_text(schema_pb2.Schema(string_domain=[one])) for one in domains]
    return "\n".join(parts)


def _statistics(image_column: str) -> list[schema_pb2.Feature]:
    """The features of an image column's statistics, which ingest adds to the examples."""
    found = []
    for part in PARTS:
        feature = schema_pb2.Feature(name=column_name(image_column, part))
        feature.type = schema_pb2.INT if part in INTEGERS else schema_pb2.FLOAT
        feature.presence.min_count = 0
        feature.value_count.max = 1
        feature.drift_comparator.infinity_norm.threshold = DRIFT
        found.append(feature)
    return found


def _text(schema: Any) -> str:
    return pbtxt_text(text_format.MessageToString(schema, as_utf8=True))


def _feature(column: DraftColumn, proposal: Proposal, found: InferredSchema) -> schema_pb2.Feature:
    feature = schema_pb2.Feature(name=column.name)
    kind = column.type.removeprefix("list:")
    floats = dict.fromkeys(("float64", *TAGS), schema_pb2.FLOAT)
    feature.type = {**floats, "string": schema_pb2.BYTES, IMAGE: schema_pb2.BYTES}.get(kind, schema_pb2.INT)
    if column.type in TAGS:
        feature.annotation.tag.append(TAGS[column.type])
    certain = column.kind == "label" or (column.name in proposal.id and not found.missing[column.name])
    if certain:  # rows without a label are dropped before statistics
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
    # Few distinct integers are compared by their shares, not by their distribution function.
    classes = classes or (column.type == "int64" and column.distinct <= FEW_INTEGERS and column.kind != "label")
    if column.type == IMAGE:
        feature.image_domain.SetInParent()
    elif column.type == "bool":
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
    """The domain of a text column; empty unless it has few values and each is frequent."""
    classes = column.kind == "label" and proposal.task != "regression"
    if column.type != "string" or not (classes or (column.kind == "categorical" and column.is_feature)):
        return []
    counts = value_counts(found.sample, column.name)
    if not counts or len(counts) > LARGEST_DOMAIN or "" in counts:
        return []
    whole = classes and found.sample.num_rows == found.rows and not len(set(found.spans)) > 1
    return sorted(counts) if whole or min(counts.values()) >= SAFE_COUNT else []
