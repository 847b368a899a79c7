"""The flights of 2013 with the time of the question and the time at which the answer is known."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from components.shared.errors import InputError
from components.shared.files import write_bytes
from data.flight_times import flight_times, load_zones
from data.flights import COLUMNS, LABEL, FlightsError, build_rows, load_tables, package_data, span_name, to_csv


def load_year(every: int = 1) -> pd.DataFrame:
    """Reads all scheduled flights of 2013.

    Args:
      every: Keeps one of so many flights, chosen by a hash of row_id.

    Returns:
      `data.flights.COLUMNS`, `span` (month), `asked` and `known` (UTC, see data.flight_times) and `arr_delay` (in
      minutes), ordered by `asked`. `known`, `arr_delay` and `late` are missing for flights that did not arrive.

    Raises:
      InputError: The package with the flights is not installed, or damaged.
    """
    try:
        folder = package_data()
        flights, weather, planes = load_tables(folder)
        rows = build_rows(flights, weather, planes)
        times = flight_times(flights, load_zones(folder)).assign(arr_delay=flights["arr_delay"])
    except FlightsError as exc:
        raise InputError(str(exc)) from exc
    rows = rows.merge(times, on="row_id", validate="1:1")
    if every > 1:
        digests = rows["row_id"].map(lambda text: int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big"))
        rows = rows[digests % every == 0]
    return rows.sort_values("asked", kind="stable", ignore_index=True)


def write_months(folder: Path, rows: pd.DataFrame, months: Iterable[int]) -> None:
    """Writes the labelled flights of months as span files, in the order of data/flights."""
    for month in months:
        labelled = rows[(rows["span"] == month) & rows[LABEL].notna()]
        write_bytes(folder / span_name(month), to_csv(labelled.sort_values(["day", "sched_dep", "row_id"])[COLUMNS]))


def with_wrong_label(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as a faulty preparation makes them: late is any arrival after schedule, not one after 15 minutes.

    Such a candidate passes its evaluation, whose labels have the same fault; only requests show it.
    """
    late = (rows["arr_delay"] > 0).astype("Int64")
    return rows.assign(**{LABEL: late.where(rows["arr_delay"].notna())})
