"""When each flight is asked about, and when its label is known: for replays of the year with the real label delay.

A flight is asked about at the beginning of the hour of its scheduled departure; the weather of the hour before, which
is among its columns, is complete then. Whether it is late is known when it arrives, hours later. A cancelled or
diverted flight never gets a label.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from data.flights import PACKAGE, FlightsError, row_ids

PUERTO_RICO = "America/Puerto_Rico"
ZONES_NOT_IN_AIRPORTS = {"BQN": PUERTO_RICO, "PSE": PUERTO_RICO, "SJU": PUERTO_RICO, "STT": PUERTO_RICO}
"""Destinations that the package's airports.csv lacks; all of them keep Atlantic standard time."""
DAY = pd.Timedelta(days=1)


def load_zones(folder: Path) -> dict[str, str]:
    """Reads the time zone of each airport: IATA code -> name in the IANA database.

    Args:
      folder: See ``data.flights.package_data``.

    Raises:
      FlightsError: The table cannot be read.
    """
    options = pa_csv.ConvertOptions(
        column_types={"faa": pa.string(), "tzone": pa.string()},
        include_columns=["faa", "tzone"],
        null_values=["NA", "", "\\N"],
        strings_can_be_null=True,
    )
    try:
        table = pa_csv.read_csv(folder / "airports.csv", convert_options=options).drop_null()
    except (OSError, pa.ArrowException, KeyError) as exc:
        raise FlightsError(f"cannot read airports.csv in {folder}: {exc}; reinstall {PACKAGE}") from exc
    return dict(zip(table["faa"].to_pylist(), table["tzone"].to_pylist(), strict=True)) | ZONES_NOT_IN_AIRPORTS


def flight_times(flights: pd.DataFrame, zones: dict[str, str]) -> pd.DataFrame:
    """Returns when each flight is asked about, and when its label is known.

    Args:
      flights: One row per scheduled flight, see ``data.flights.load_tables``.
      zones: See ``load_zones``.

    Returns:
      ``row_id``, ``asked`` (UTC; beginning of the hour of scheduled departure) and ``known`` (UTC; scheduled arrival
      plus arrival delay; missing without an arrival delay), in the order of ``flights``.

    Raises:
      FlightsError: The time zone of a destination is not known.
    """
    departure = flights["time_hour"] + pd.to_timedelta(flights["sched_dep_time"].astype("int64") % 100, unit="min")
    arrival = _scheduled_arrival(flights, departure, zones)
    delay = pd.to_timedelta(flights["arr_delay"].astype("Float64").astype("float64"), unit="min")
    return pd.DataFrame({"row_id": row_ids(flights), "asked": flights["time_hour"], "known": arrival + delay})


def _scheduled_arrival(flights: pd.DataFrame, departure: pd.Series, zones: dict[str, str]) -> pd.Series:
    """UTC. The clock time is local at the destination, on the day of departure or the day after."""
    date = pd.to_datetime(flights[["year", "month", "day"]].astype("int64"))
    clock = flights["sched_arr_time"].astype("int64")
    local = date + pd.to_timedelta(clock // 100 * 60 + clock % 100, unit="min")
    zone = flights["dest"].map(zones)
    if zone.isna().any():
        raise FlightsError(f"airport {flights['dest'][zone.isna()].iloc[0]} has no time zone in airports.csv")
    parts = [_utc(local[rows], departure[rows], str(name)) for name, rows in zone.groupby(zone).groups.items()]
    return pd.concat(parts).reindex(flights.index)


def _utc(local: pd.Series, departure: pd.Series, zone: str) -> pd.Series:
    # In the hour that occurs twice when the clocks go back, the first one is meant; no flight arrives in the hour
    # that is left out.
    same, next_ = (
        day.dt.tz_localize(zone, ambiguous=np.ones(len(day), bool), nonexistent="shift_forward").dt.tz_convert("UTC")
        for day in (local, local + DAY)
    )
    return same.where(same > departure, next_)
