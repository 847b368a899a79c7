"""The planted faults of benchmarks.attribution: in one column, everywhere, in one slice, or in one span of training."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Change = Callable[[pa.ChunkedArray, np.random.Generator], pa.ChunkedArray]


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
      where: "everywhere", "slice" (of the requests) or "span" (of the training data).
      column: Column that it changes.
      what: Name of the change, see CHANGES.
      slice: For a slice: column=value.
      span: For a span: its number.
    """

    where: Literal["everywhere", "slice", "span"]
    column: str
    what: str
    slice: str = ""
    span: int = 0


def _scaled(factor: float, offset: float = 0.0) -> Change:
    return lambda column, _: pc.add(pc.multiply(pc.cast(column, pa.float64()), factor), offset)


def _missing(column: pa.ChunkedArray, random: np.random.Generator) -> pa.ChunkedArray:
    return pc.if_else(pa.array(random.random(len(column)) < 0.5), pa.scalar(None, column.type), column)


def _constant(column: pa.ChunkedArray, _: np.random.Generator) -> pa.ChunkedArray:
    tally = pc.value_counts(column)
    value = tally.field("values")[int(np.argmax(tally.field("counts")))]
    return pa.chunked_array([pa.repeat(value, len(column))])


def _lower_case(column: pa.ChunkedArray, _: np.random.Generator) -> pa.ChunkedArray:
    return pc.utf8_lower(column)


def _noise(column: pa.ChunkedArray, random: np.random.Generator) -> pa.ChunkedArray:
    values = pc.cast(column, pa.float64())
    return pc.add(values, pa.array(random.normal(0, 2 * (pc.stddev(values).as_py() or 1.0), len(column))))


CHANGES: dict[str, Change] = {
    "in kilometres": _scaled(1.609),
    "in degrees Celsius": _scaled(5 / 9, -160 / 9),
    "two hours later": _scaled(1.0, 120.0),
    "in hundredths": _scaled(0.01),
    "half is missing": _missing,
    "one value": _constant,
    "in lower case": _lower_case,
    "noise": _noise,
}

FAULTS = (
    Fault("everywhere", "distance", "in kilometres"),
    Fault("everywhere", "temp", "in degrees Celsius"),
    Fault("everywhere", "sched_dep", "in hundredths"),
    Fault("everywhere", "pressure", "in hundredths"),
    Fault("everywhere", "humid", "half is missing"),
    Fault("everywhere", "carrier", "one value"),
    Fault("everywhere", "dest", "in lower case"),
    Fault("everywhere", "seats", "noise"),
    Fault("everywhere", "plane_year", "half is missing"),
    Fault("everywhere", "visib", "half is missing"),
    Fault("slice", "seats", "one value", "origin=EWR"),
    Fault("slice", "distance", "in hundredths", "carrier=UA"),
    Fault("slice", "sched_dep", "one value", "origin=LGA"),
    Fault("slice", "seats", "noise", "carrier=EV"),
    Fault("slice", "humid", "half is missing", "origin=LGA"),
    Fault("slice", "dest", "in lower case", "origin=JFK"),
    Fault("slice", "plane_year", "half is missing", "manufacturer=BOEING"),
    Fault("slice", "pressure", "in hundredths", "carrier=DL"),
    Fault("slice", "sched_arr", "one value", "origin=EWR"),
    Fault("slice", "visib", "half is missing", "carrier=B6"),
    Fault("span", "sched_arr", "in hundredths", span=1),
    Fault("span", "sched_dep", "one value", span=2),
    Fault("span", "carrier", "one value", span=3),
    Fault("span", "dest", "in lower case", span=4),
    Fault("span", "seats", "in hundredths", span=1),
    Fault("span", "origin", "one value", span=2),
    Fault("span", "sched_arr", "one value", span=3),
    Fault("span", "distance", "in hundredths", span=4),
    Fault("span", "plane_year", "in hundredths", span=1),
    Fault("span", "seats", "one value", span=2),
)


SLICE_COLUMNS = ("origin", "carrier", "manufacturer")
SLICE_SHARES = (0.1, 0.6)
"""Share of the rows that a slice of a drawn fault has."""


def candidates(table: pa.Table, columns: list[str], spans: int, seed: int) -> Iterator[Fault]:
    """Draws faults at random, without end: columns, changes, slices and spans that were not chosen by hand.

    Args:
      table: Rows with the columns.
      columns: Columns that are changed.
      spans: Number of spans.
      seed: Seed.
    """
    random = np.random.default_rng(seed)
    slices = []
    for name in SLICE_COLUMNS:
        for one in pc.value_counts(table[name]).to_pylist():
            if one["values"] is not None and SLICE_SHARES[0] <= one["counts"] / table.num_rows <= SLICE_SHARES[1]:
                slices.append(f"{name}={one['values']}")
    while True:
        where: Literal["everywhere", "slice", "span"] = random.choice(["everywhere", "slice", "span"])
        column = str(random.choice(columns))
        text = pa.types.is_string(table[column].type)
        what = str(random.choice([name for name in CHANGES if _fits(name, text)]))
        part = str(random.choice(slices)) if where == "slice" else ""
        if not part.startswith(f"{column}="):
            yield Fault(where, column, what, part, int(random.integers(1, spans + 1)) if where == "span" else 0)


def _fits(change: str, text: bool) -> bool:
    return change in ("half is missing", "one value") or (change == "in lower case") == text


def planted(table: pa.Table, fault: Fault, mask: np.ndarray, random: np.random.Generator) -> pa.Table:
    """The table with the fault in the rows of the mask (n,)."""
    index = table.column_names.index(fault.column)
    column = table[fault.column]
    changed = CHANGES[fault.what](column, random)
    common = changed.type if changed.type != column.type else column.type
    merged = pc.if_else(pa.array(mask), changed, pc.cast(column, common))
    return table.set_column(index, fault.column, merged)
