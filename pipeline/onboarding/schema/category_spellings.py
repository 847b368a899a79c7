"""Detects categories that the newest span spells differently from earlier spans."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.spellings.spelling_groups import find_groups
from components.shared.texts.escaping import on_one_line
from pipeline.onboarding.initialise.column_values import short
from pipeline.onboarding.schema.pbtxt_editor import domain_of

MAX_VALUES = 5_000
"""Maximum number of distinct values of a column that are counted; later ones are ignored."""


class CategorySpelling:
    """Counts the values of categorical columns without a domain, by file; the schema checks those with a domain."""

    def __init__(self, columns: Collection[str], schema: Any) -> None:
        self._open = {one.name for one in schema.feature if one.name in columns and domain_of(schema, one) is None}
        self._counts: dict[str, dict[str, Counter[str]]] = {}

    def add(self, file: str, name: str, column: pa.Array) -> None:
        """Adds the values of a batch."""
        if name not in self._open or not pa.types.is_string(column.type):
            return
        counts = self._counts.setdefault(name, {}).setdefault(file, Counter())
        for pair in pc.value_counts(column.drop_null()).to_pylist():
            if len(counts) < MAX_VALUES or pair["values"] in counts:
                counts[pair["values"]] += pair["counts"]

    def notes(self) -> Iterator[str]:
        """Yields messages about spellings that occur in the newest file only."""
        for name, files in self._counts.items():
            *_, newest = files
            before: Counter[str] = sum((counts for file, counts in files.items() if file != newest), Counter())
            if not before:
                continue
            for group in find_groups({**before, **files[newest]}, near=False):
                fresh = [spelling for spelling in group.spellings if spelling not in before]
                known = [spelling for spelling in group.spellings if spelling in before]
                if fresh and known:
                    rows = sum(files[newest][spelling] for spelling in fresh)
                    yield (
                        f"{on_one_line(name)}: {', '.join(map(short, fresh))} in {newest}, {rows:,} rows, may be "
                        f"{short(known[0])} (differs in {' and '.join(group.differ)}); "
                        f"[data.values.{on_one_line(name)}] maps it to that value"
                    )
