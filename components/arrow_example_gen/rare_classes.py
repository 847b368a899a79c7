"""Merges label classes with too few training rows, also those that occur in eval only, into one class."""

from collections import Counter
from dataclasses import replace

import pyarrow.compute as pc

from components.arrow_example_gen.source import Source


def with_other_class(source: Source, span: int | None) -> Source:
    """Returns a source that reads rare classes as `source.other_class`; `source` itself if that is "".

    Reads the labels of the window once, after corrections and canonical spellings. A class is rare if it has fewer than
    `source.min_class_rows` rows outside of eval.

    Args:
      source: The data source.
      span: Number of the eval span; None selects the newest.

    Raises:
      InputError: A file of the window is missing or cannot be read.
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
