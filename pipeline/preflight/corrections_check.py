"""Checks of corrections before a run: location of the file, legal values, existence of the corrected rows."""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.corrections import Corrections
from components.arrow_example_gen.source import Source
from components.shared.errors import ConfigError, InputError
from components.table_reading.column_types import parse_schema
from pipeline.settings.config import Config

FILE = "corrections.csv"
MAX_SHOWN = 20
"""Maximum number of legal values in a message."""


@dataclass(frozen=True)
class CorrectedIds:
    """Numbers of corrected rows by location.

    Attributes:
      name: The corrections file.
      ids: Number of distinct row ids in it.
      here: Number of these ids in the window.
      elsewhere: Number in other spans; includes ids not found if such a span is unreadable.
      undecided: Number of undecided rows of the file.
    """

    name: str
    ids: int
    here: int
    elsewhere: int
    undecided: int = 0

    def __str__(self) -> str:
        other = f", {self.elsewhere:,} in other spans" if self.elsewhere else ""
        waiting = f"; {self.undecided:,} wait for a decision" if self.undecided else ""
        return f"{self.name}: {self.ids:,} rows corrected or dropped: {self.here:,} in this window{other}{waiting}"


def corrections_path(config: Config) -> str:
    """Returns the path of a dataset's corrections file; "" if it has none.

    The path is [data] corrections, else data/<dataset>/corrections.csv or, for a data folder outside version control,
    corrections.csv beside pipeline.toml. `--data` does not change it, since corrections belong to the dataset.

    Raises:
      ConfigError: Both default locations have a file.
    """
    if config.data.corrections:
        return config.data.corrections
    places = [Path("data") / config.dataset.name / FILE, config.path.with_name(FILE)]
    there = [str(path) for path in places if os.path.lexists(path)]
    if len(there) > 1:
        raise ConfigError(
            f"{there[0]} and {there[1]}: two corrections files; keep one, or name it in [data] corrections"
        )
    return there[0] if there else ""


def check_corrections(config: Config, source: Source) -> None:
    """Checks the corrections against the schema.

    Raises:
      ConfigError: There are corrections, but no id columns.
      InputError: See load_corrections; or a value outside of its column's domain. Names the row.
    """
    if source.corrected is None:
        return
    schema = parse_schema(config.schema_path.read_text("utf-8-sig"), str(config.schema_path))
    features = {feature.name: feature for feature in schema.feature}
    for column, edit in source.corrected.edits.items():
        refuse = _domain(features[column], schema)
        values = edit.values.to_pylist()
        for place in edit.given.nonzero()[0]:
            if reason := refuse(values[place]):
                raise InputError(f"{source.corrections}: row {edit.rows[place]}: '{column}' {reason}")


def locate(
    source: Source,
    corrections: Corrections,
    window: Collection[int],
    others: Sequence[int],
    look: Callable[[int], Collection[int] | None],
) -> CorrectedIds:
    """Searches other spans for the corrected ids that the window lacks.

    The span of a corrected row may be older or newer than this run's window. Other spans are read one after the other
    until all ids are found.

    Args:
      source: The source.
      corrections: Its corrections.
      window: Indices into corrections.ids of the ids in the window.
      others: Numbers of the other spans.
      look: Function from a span number to the indices of the ids in that span; None if it is unreadable.

    Raises:
      InputError: An id is in none of the files, and all of them are readable.
    """
    missing = set(range(len(corrections.ids))) - set(window)
    elsewhere, unread = len(missing), 0
    for span in others:
        if not missing:
            break
        found = look(span)
        unread += found is None
        missing -= set(found or ())
    if missing and not unread:
        rows = sorted((int(corrections.first[place]), str(corrections.ids[place])) for place in missing)
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise InputError(
            f"{source.corrections}: row {rows[0][0]}: id '{rows[0][1]}'{more} is in no file of {source.directory}; "
            "correct it, or take the row out"
        )
    return CorrectedIds(
        source.corrections, len(corrections.ids), len(set(window)), elsewhere, corrections.file.undecided
    )


def _domain(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> Callable[[object], str]:
    """Returns a function from a value to the reason why the schema forbids it; "" if it does not."""
    required = feature.presence.min_fraction == 1.0
    kind = feature.WhichOneof("domain_info")
    legal: tuple[str, ...] | None = None
    if kind == "string_domain":
        legal = tuple(feature.string_domain.value)
    elif kind == "domain":
        legal = next((tuple(one.value) for one in schema.string_domain if one.name == feature.domain), None)
    elif kind == "bool_domain" and feature.type == schema_pb2.BYTES:
        legal = (feature.bool_domain.true_value, feature.bool_domain.false_value)
    bounds = getattr(feature, kind) if kind in ("int_domain", "float_domain") else None

    def refuse(value: object) -> str:
        if value is None:
            return "must have a value, says the schema; give it one, or drop the row" if required else ""
        if legal is not None and value not in legal:
            more = ", ..." if len(legal) > MAX_SHOWN else ""
            return f"cannot be '{value}', says the schema; legal: {', '.join(legal[:MAX_SHOWN])}{more}"
        if bounds is not None and isinstance(value, (int, float)):
            low = bounds.min if bounds.HasField("min") else None
            high = bounds.max if bounds.HasField("max") else None
            if (low is not None and value < low) or (high is not None and value > high):
                least, most = ("any" if end is None else f"{end:g}" for end in (low, high))
                return f"cannot be {value}, says the schema; legal: {least} to {most}"
        return ""

    return refuse
