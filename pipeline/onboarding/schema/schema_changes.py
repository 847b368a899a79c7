"""Proposes numbered schema changes, with their edits, from counts of anomalies. Pure.

Counts are accumulated batch by batch in bounded memory, by split, since the data gate checks each split.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.errors import UsageError
from components.shared.spellings.spelling_groups import loose_key
from components.table_reading.column_types import is_list
from pipeline.onboarding.initialise.column_values import short
from pipeline.onboarding.schema.pbtxt_editor import domain_of, feature_named

MAX_KEPT = 1000  # distinct values of a column that are counted one by one; the others are counted together
MAX_SHOWN = 20  # with more new values than this, the domain is open
_TYPES = {"string": schema_pb2.BYTES, "float64": schema_pb2.FLOAT}
_STORED: dict[str, tuple[tuple[str, ...], Any]] = {
    "bool": (("bool_domain",), True),
    "date": (("time_domain", "integer_format"), schema_pb2.TimeDomain.UNIX_DAYS),
    "timestamp": (("time_domain", "integer_format"), schema_pb2.TimeDomain.UNIX_MICROSECONDS),
}
"""Fields that distinguish Booleans, dates and times from other integers."""


@dataclass(frozen=True)
class SetField:
    """Sets the field of a feature at `path`; the value None removes it."""

    feature: str
    path: tuple[str, ...]
    value: float | int | str | bool | None

    def apply(self, schema: Any) -> None:
        """Changes `schema`."""
        message = feature_named(schema, self.feature)
        for name in self.path[:-1]:
            message = getattr(message, name)
        message.ClearField(self.path[-1])
        if self.value is True and hasattr(getattr(message, self.path[-1]), "SetInParent"):
            getattr(message, self.path[-1]).SetInParent()
        elif self.value is not None:
            setattr(message, self.path[-1], self.value)


@dataclass(frozen=True)
class AddValue:
    """Adds a legal value to a feature's domain, which may be shared, unless it has the value."""

    feature: str
    value: str

    def apply(self, schema: Any) -> None:
        """Changes `schema`."""
        values = domain_of(schema, feature_named(schema, self.feature)).value
        if self.value not in values:
            values.append(self.value)


@dataclass(frozen=True)
class AddFeature:
    """Adds a feature given in text format."""

    text: str

    def apply(self, schema: Any) -> None:
        """Changes `schema`."""
        text_format.Parse(self.text, schema.feature.add())


Edit = SetField | AddValue | AddFeature


@dataclass(frozen=True)
class SchemaChange:
    """A proposed change of the schema, which a person accepts or rejects.

    Attributes:
      number: Position in the list, from 1.
      feature: Name of the feature.
      what: new_column, gone, renamed, type, presence, value_count, value, domain, min, max or threshold.
      detail: The finding with counts and shares, and the change.
      edits: Edits of the schema, in this order.
    """

    number: int
    feature: str
    what: str
    detail: str
    edits: tuple[Edit, ...]


@dataclass
class MismatchCounts:
    """Counts of one column's anomalies in one split.

    Attributes:
      rows: Number of rows.
      there: Number of rows with a value.
      values: Number of values; more than `there` in a list column.
      longest: Maximum number of values of a row.
      odd: Kind of anomaly (value, min, max) -> value -> count; the key None counts values beyond MAX_KEPT.
      extremes: Minimum and maximum of a numeric column.
    """

    rows: int = 0
    there: int = 0
    values: int = 0
    longest: int = 1
    odd: dict[str, Counter] = field(default_factory=dict)
    extremes: tuple[float, float] = (np.inf, -np.inf)

    def add(self, column: pa.Array, feature: Any, schema: Any) -> None:
        """Adds a batch of the column, in the schema's type."""
        self.rows += len(column)
        if is_list(column.type):
            lengths = pc.list_value_length(column)
            self.longest = max(self.longest, pc.max(lengths).as_py() or 0)
            self.there += pc.sum(pc.greater(lengths, 0)).as_py() or 0
            column = column.flatten()
        else:
            self.there += len(column) - column.null_count
        column = column.drop_null()
        self.values += len(column)
        domain = domain_of(schema, feature)
        if pa.types.is_string(column.type) and domain is not None:
            legal = pa.array(list(domain.value), pa.string())
            self._count("value", column.filter(pc.invert(pc.is_in(column, legal))))
        elif pa.types.is_int64(column.type) and feature.HasField("int_domain"):
            self._range(column, feature.int_domain)
        elif pa.types.is_float64(column.type) and feature.HasField("float_domain"):
            column = column.cast(pa.float32())  # what an example holds
            self._range(column.filter(pc.invert(pc.is_nan(column))), feature.float_domain)

    def _range(self, column: pa.Array, domain: Any) -> None:
        if len(column):
            low, high = (value.as_py() for value in pc.min_max(column).values())
            self.extremes = (min(self.extremes[0], low), max(self.extremes[1], high))
        for side, beyond in (("min", pc.less), ("max", pc.greater)):
            if domain.HasField(side):
                self._count(side, column.filter(beyond(column, pa.scalar(getattr(domain, side), column.type))))

    def _count(self, what: str, values: pa.Array) -> None:
        counts = self.odd.setdefault(what, Counter())
        for pair in sorted(pc.value_counts(values).to_pylist(), key=lambda pair: -pair["counts"]):
            kept = pair["values"] in counts or len(counts) < MAX_KEPT
            counts[pair["values"] if kept else None] += pair["counts"]


Tallies = Mapping[str, MismatchCounts]  # by split


def feature_changes(schema: Any, feature: Any, splits: Tallies) -> Iterable[SchemaChange]:
    """Yields the changes after which the values of a column pass validation, with number 0."""
    name, presence = feature.name, feature.presence
    missing = {split: tally.rows - tally.there for split, tally in splits.items()}
    shares = [tally.there / tally.rows for tally in splits.values() if tally.rows]
    fewest = min((tally.there for tally in splits.values() if tally.rows), default=presence.min_count)
    least, detail, edits = int(min(shares, default=1) * 10_000) / 10_000, "", list[Edit]()
    if presence.min_fraction > min(shares, default=1):
        detail += f"; presence.min_fraction {presence.min_fraction:g} -> {least:g}"
        edits.append(SetField(name, ("presence", "min_fraction"), least))
    if presence.min_count > fewest:
        detail += f"; presence.min_count {presence.min_count} -> {fewest}"
        edits.append(SetField(name, ("presence", "min_count"), fewest))
    if edits:
        yield SchemaChange(0, name, "presence", f"{_rows(missing, splits)} without a value{detail}", tuple(edits))
    longest = max((tally.longest for tally in splits.values()), default=1)
    if 0 < feature.value_count.max < longest:
        detail = f"rows with up to {longest} values; value_count.max {feature.value_count.max} -> {longest}"
        yield SchemaChange(0, name, "value_count", detail, (SetField(name, ("value_count", "max"), longest),))
    yield from _ranges(feature, splits)
    yield from _new_values(schema, feature, splits)


def _ranges(feature: Any, splits: Tallies) -> Iterable[SchemaChange]:
    for side, widest, beyond in (("min", min, "below"), ("max", max, "above")):
        counts, odd = _counted(splits, side)
        if not counts:
            continue
        kind = feature.WhichOneof("domain_info")
        limit, needed = getattr(getattr(feature, kind), side), widest(widest(one.extremes) for one in splits.values())
        often = ", ".join(f"{_number(value)} ({count:,})" for value, count in _most(counts)[:3])
        found = f"{_rows(odd, splits, 'value')} {beyond} {_number(limit)}, most often {often}"
        edit = SetField(feature.name, (kind, side), needed)
        yield SchemaChange(
            0, feature.name, side, f"{found}; {kind}.{side} {_number(limit)} -> {_number(needed)}", (edit,)
        )


def _new_values(schema: Any, feature: Any, splits: Tallies) -> Iterable[SchemaChange]:
    """Yields a change for each new value, most frequent first, if their share exceeds 1 - `min_domain_mass`."""
    name, (counts, odd) = feature.name, _counted(splits, "value")
    shares = [odd[split] / tally.values for split, tally in splits.items() if tally.values]
    if not counts or max(shares) <= 1 - feature.distribution_constraints.min_domain_mass:
        return
    if len(counts) > MAX_SHOWN:
        often = ", ".join(f"{short(value)} ({count:,})" for value, count in _most(counts)[:5])
        more = "more than " if None in counts else ""
        found = f"{more}{len(counts) - (None in counts):,} new values, {_rows(odd, splits)}, most often {often}"
        edits = tuple(SetField(name, (one,), None) for one in ("domain", "string_domain", "distribution_constraints"))
        yield SchemaChange(0, name, "domain", f"{found}; the domain is removed", edits)
        return
    legal = {loose_key(value): value for value in domain_of(schema, feature).value}
    legal |= {"".join(value.split()).casefold(): value for value in domain_of(schema, feature).value}
    for value, _ in _most(counts):
        numbers = {split: tally.odd.get("value", Counter())[value] for split, tally in splits.items()}
        like = legal.get("".join(value.split()).casefold())
        hint = f"; differs from {short(like)} in case or spaces only" if like else ""
        if not like and (like := legal.get(loose_key(value))):
            hint = f"; may be a spelling of {short(like)}"
        hint += f"; [data.values.{name}] maps it to that value" if like else ""
        detail = f"new value {short(value)}, {_rows(numbers, splits)}{hint}"
        yield SchemaChange(0, name, "value", detail, (AddValue(name, value),))


def type_change(feature: Any, alias: str, found: str) -> SchemaChange:
    """Returns a type change; the domain is removed, except a range of integers, which also applies to fractions."""
    name, type_ = feature.name, _TYPES.get(alias, schema_pb2.INT)
    edits: list[Edit] = [SetField(name, ("type",), type_)]
    kind = feature.WhichOneof("domain_info")
    if kind is not None:
        edits.append(SetField(name, (kind,), None))
    if kind == "int_domain" and type_ == schema_pb2.FLOAT:
        sides = [side for side in ("min", "max") if feature.int_domain.HasField(side)]
        edits += [SetField(name, ("float_domain", side), float(getattr(feature.int_domain, side))) for side in sides]
    edits += [SetField(name, *_STORED[alias])] if alias in _STORED else []
    kept = "" if kind in (None, "int_domain") else f", without its {kind}"
    old = schema_pb2.FeatureType.Name(feature.type)
    return SchemaChange(0, name, "type", f"{found}; {old} -> {schema_pb2.FeatureType.Name(type_)}{kept}", tuple(edits))


def new_column(name: str, alias: str, found: str, categorical: bool = False) -> SchemaChange:
    """Returns the change that adds a column as an optional feature."""
    is_many, type_ = alias.startswith("list:"), _TYPES.get(alias.removeprefix("list:"), schema_pb2.INT)
    feature = schema_pb2.Feature(name=name, type=type_, presence=schema_pb2.FeaturePresence(min_count=0))
    feature.value_count.CopyFrom(schema_pb2.ValueCount(min=0) if is_many else schema_pb2.ValueCount(max=1))
    schema = schema_pb2.Schema(feature=[feature])
    if alias in _STORED:
        SetField(name, *_STORED[alias]).apply(schema)
    if categorical and alias == "int64":
        schema.feature[0].int_domain.is_categorical = True
    text = text_format.MessageToString(schema.feature[0], as_one_line=True, as_utf8=True)
    return SchemaChange(0, name, "new_column", f"new column, {found}", (AddFeature(text),))


def threshold_changes(schema: Any, suggestions: Mapping[str, tuple[str, str, float]]) -> list[SchemaChange]:
    """Returns changes of drift and skew comparators where the suggested threshold differs from the present one.

    Args:
      schema: The present schema.
      suggestions: Feature -> (`drift` or `skew`, `infinity_norm` or `jensen_shannon_divergence`, threshold in [0, 1]).

    Raises:
      UsageError: Unknown feature, comparator or measure, or a threshold out of range.
    """
    changes: list[SchemaChange] = []
    for name, (kind, measure, threshold) in suggestions.items():
        feature = feature_named(schema, name)
        if kind not in ("drift", "skew") or measure not in ("infinity_norm", "jensen_shannon_divergence"):
            legal = "drift or skew, infinity_norm or jensen_shannon_divergence"
            raise UsageError(f"feature '{name}': {kind} {measure}: no such comparator; legal: {legal}")
        if not 0 <= threshold <= 1:
            raise UsageError(f"feature '{name}': threshold {threshold} must lie between 0 and 1")
        comparator = getattr(feature, f"{kind}_comparator")
        old = getattr(comparator, measure).threshold if comparator.HasField(measure) else None
        detail = f"{kind}_comparator.{measure}.threshold {'none' if old is None else f'{old:g}'} -> {threshold:g}"
        edit = SetField(name, (f"{kind}_comparator", measure, "threshold"), float(threshold))
        changes += [SchemaChange(0, name, "threshold", detail, (edit,))] if old != threshold else []
    return numbered(changes)


def numbered(changes: Iterable[SchemaChange]) -> list[SchemaChange]:
    """Returns the changes numbered from 1."""
    return [replace(change, number=number) for number, change in enumerate(changes, 1)]


def percent(part: int, whole: int) -> str:
    """Formats a share as 0.14 %; a nonzero share is never shown as 0."""
    share = part / max(whole, 1)
    return "<0.01 %" if 0 < share < 0.0001 else f"{share * 100:.3g} %" if share >= 0.01 else f"{share * 100:.2f} %"


def _rows(numbers: Mapping[str, int], splits: Tallies, unit: str = "row") -> str:
    """Formats counts by split: 37 rows (0.14 %; 0.50 % of eval), where eval has the largest share."""
    wholes = {split: tally.values if unit == "value" else tally.rows for split, tally in splits.items()}
    count, whole = sum(numbers.values()), sum(wholes.values())
    each = {split: numbers[split] / max(wholes[split], 1) for split in numbers}
    worst = max(each, key=lambda split: each[split])
    where = "" if len(each) < 2 else f"; {percent(numbers[worst], wholes[worst])} of {worst}"
    return f"{count:,} {unit}{'' if count == 1 else 's'} ({percent(count, whole)}{where})"


def _counted(splits: Tallies, what: str) -> tuple[Counter, dict[str, int]]:
    """Returns value -> count of an anomaly over all splits, and its number in each split."""
    each = {split: tally.odd.get(what, Counter()) for split, tally in splits.items()}
    return sum(each.values(), Counter()), {split: sum(counts.values()) for split, counts in each.items()}


def _most(counts: Counter) -> list[tuple[Any, int]]:
    """Values that were counted one by one, the most frequent first."""
    return sorted(((one, n) for one, n in counts.items() if one is not None), key=lambda pair: (-pair[1], str(pair[0])))


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.7g}"  # as many digits as a float32 has
