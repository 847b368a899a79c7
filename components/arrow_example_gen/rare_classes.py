"""A class of its own for those that have too few train rows to be learned: rare ones, and those that only eval has."""

from collections import Counter
from dataclasses import replace

import pyarrow.compute as pc

from components.arrow_example_gen.source import Source


def with_other_class(source: Source, span: int | None) -> Source:
    """The source that reads such classes as `other_class`; the same source where none is asked for.

    The window's labels are read once for it, after corrections and spellings.

    Args:
      source: What is read.
      span: The eval span, None for the newest.
    """
    if not source.other_class:
        return source
    learned: Counter[str] = Counter()
    every: set[str] = set()
    for split, files in source.files(span).splits().items():
        for file in files:
            for batch in source.read(file, split):
                for pair in pc.value_counts(batch.column(source.label).drop_null()).to_pylist():
                    every.add(pair["values"])
                    learned[pair["values"]] += 0 if split == "eval" else pair["counts"]
    rare = {value for value in every if learned[value] < source.min_class_rows} - {source.other_class}
    known = source.options.spellings.get(source.label, {})
    meant = {spelling: source.other_class if value in rare else value for spelling, value in known.items()}
    meant |= dict.fromkeys(sorted(rare), source.other_class)
    options = replace(source.options, spellings={**source.options.spellings, source.label: meant})
    return replace(source, options=options, other_class="")
