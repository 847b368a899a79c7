"""The requests that the demo replays: some flights of one hour each, in random order within the hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
      id: Its id, unique in the demo.
      asked: Event time, UTC.
      body: JSON.
    """

    id: str
    asked: datetime
    body: bytes


@dataclass(frozen=True)
class Asked:
    """The requests of some days.

    Attributes:
      requests: In the order in which they are sent.
      rows: Their flights, one row each: `request_id`, `row` (position in the request), `asked`, `known`, `late`.
    """

    requests: tuple[Request, ...]
    rows: pd.DataFrame


def requests_of(flights: pd.DataFrame, features: Sequence[str], size: int, seed: int = 0) -> Asked:
    """Makes the requests for flights.

    The flights of an hour are shuffled, so that the requests of an hour do not differ systematically: live and canary
    get comparable ones, as if each flight were a request of its own.

    Args:
      flights: See `flights_year.load_year`.
      features: Columns that are sent; a missing value is left out.
      size: Maximum number of flights of a request.
      seed: Seed of the order.
    """
    order = np.random.default_rng(seed).permutation(len(flights))
    rows = flights.iloc[order].sort_values("asked", kind="stable", ignore_index=True)
    place = rows.groupby("asked").cumcount()
    clock = rows["asked"].dt.strftime("%Y%m%dT%H")
    ids = clock + "-" + (place // size).map("{:03d}".format)
    about = rows[["asked", "known", "late"]].assign(request_id=ids, row=place % size)
    starts = np.flatnonzero((place % size == 0).to_numpy())
    instances = _instances(rows[[*features]])
    bounds = zip(starts, [*starts[1:], len(rows)], strict=True)
    times = rows["asked"].to_list()
    requests = tuple(
        Request(ids[first], times[first], orjson.dumps({"instances": instances[first:after]}))
        for first, after in bounds
    )
    return Asked(requests, about)


def _instances(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON objects without their missing values."""
    columns = pa.Table.from_pandas(rows, preserve_index=False).to_pydict()  # missing values are None
    return [
        {name: value for name, value in zip(columns, values, strict=True) if value is not None}
        for values in zip(*columns.values(), strict=True)
    ]


def by_day(flights: pd.DataFrame, first: date, last: date) -> list[tuple[date, pd.DataFrame]]:
    """The flights of each day from `first` to `last`, by the UTC date of the question."""
    days = flights["asked"].dt.date
    chosen = flights[(days >= first) & (days <= last)]
    return [(day, rows) for day, rows in chosen.groupby(chosen["asked"].dt.date)]
