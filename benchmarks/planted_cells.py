"""Faults in cells: units, clocks, numbers, sensors, missing values, texts. See planted_faults.py for the definition."""

from collections.abc import Callable

import numpy as np
import pandas as pd

Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]

CELL_FAULTS: list[Plant] = []
SENTINEL = -999.0
DAY = 1440  # minutes


def _fault(plant: Plant) -> Plant:
    CELL_FAULTS.append(plant)
    return plant


def some(rows: pd.DataFrame, rng: np.random.Generator, share: float) -> np.ndarray:
    """Draws a share of the rows without replacement; returns a mask."""
    mask = np.zeros(len(rows), dtype=bool)
    mask[rng.choice(len(rows), round(share * len(rows)), replace=False)] = True
    return mask


def put(rows: pd.DataFrame, column: str, where: pd.Series | np.ndarray, values: object) -> pd.DataFrame:
    """A copy with `values` (a series like the column, or one for all) in a column's cells where the mask is true."""
    old = rows[column]
    new = values if isinstance(values, pd.Series) else pd.Series(values, index=rows.index)
    return rows.assign(**{column: old.where(~np.asarray(where, dtype=bool), new.astype(old.dtype))})


# -- units, clocks, numbers -------------------------------------------------------------------------------------------


@_fault
def temperature_in_celsius(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A weather feed moves from Fahrenheit to Celsius."""
    return rows.assign(temp=((rows["temp"] - 32) / 1.8).round(2))


@_fault
def wind_in_kmh_at_one_airport(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """One station reports wind in km/h, the others in mph."""
    return put(rows, "wind_speed", rows["origin"] == "LGA", (rows["wind_speed"] * 1.609344).round(5))


@_fault
def clock_an_hour_late(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Summer time is applied twice to every departure."""
    return rows.assign(sched_dep=(rows["sched_dep"] + 60) % DAY)


@_fault
def one_carrier_in_utc(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """One airline's schedule comes in UTC, the others' in local time."""
    utc = (rows["sched_dep"] + 240) % DAY
    return put(rows, "sched_dep", rows["carrier"] == "US", utc)


@_fault
def week_begins_on_sunday(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A library counts weekdays from Sunday; every number is still legal."""
    return rows.assign(day_of_week=rows["day_of_week"] % 7 + 1)


@_fault
def temperature_rounded(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A column becomes an integer on its way: decimals are lost."""
    return rows.assign(temp=rows["temp"].round(0))


@_fault
def seats_clipped_at_a_byte(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A column is kept in an unsigned byte: what is above 255 becomes 255."""
    return rows.assign(seats=rows["seats"].clip(upper=255))


@_fault
def extra_zero_in_a_few_rows(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Half a per cent of the distances are ten times too long: a heavy tail."""
    return put(rows, "distance", some(rows, rng, 0.005), rows["distance"] * 10)


@_fault
def decimal_comma(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One per cent of the rows come from a computer that writes 44,96 for 44.96."""
    text = rows["temp"].astype("string")
    return rows.assign(temp=text.where(~some(rows, rng, 0.01), text.str.replace(".", ",", regex=False)))


# -- sensors and missing values ---------------------------------------------------------------------------------------


@_fault
def missing_at_one_airport(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A hygrometer at one airport fails three times in ten."""
    return put(rows, "humid", (rows["origin"] == "JFK") & some(rows, rng, 0.3), pd.NA)


@_fault
def sentinel_for_missing(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Missing air pressure is written as -999."""
    return rows.assign(pressure=rows["pressure"].fillna(SENTINEL))


@_fault
def zero_for_missing(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A missing wind direction becomes 0, which is a legal one."""
    return rows.assign(wind_dir=rows["wind_dir"].fillna(0))


@_fault
def sensor_stuck_at_full(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Visibility is 10 miles in every row: a constant, legal value, and the commonest anyhow."""
    return put(rows, "visib", rows["visib"].notna(), 10.0)


@_fault
def stale_feed_for_five_days(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """At one airport the dew point repeats its last value from the 20th to the 24th."""
    stale = (rows["origin"] == "EWR") & rows["day"].between(20, 24)
    before = rows.loc[(rows["origin"] == "EWR") & (rows["day"] < 20), "dewp"].dropna()
    return put(rows, "dewp", stale, before.iloc[-1])


@_fault
def column_removed(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """An upstream table loses a column."""
    return rows.drop(columns="visib")


# -- texts and categories ---------------------------------------------------------------------------------------------


@_fault
def carrier_merged_into_another(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """US Airways flies as American: its code becomes another legal one."""
    return rows.assign(carrier=rows["carrier"].replace("US", "AA"))


@_fault
def carrier_renamed(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A carrier's code becomes one of another standard: VX becomes VRD."""
    return rows.assign(carrier=rows["carrier"].replace("VX", "VRD"))


@_fault
def category_vanishes(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """One airline's file is not delivered."""
    return rows[rows["carrier"] != "FL"]


@_fault
def new_category(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One flight in a hundred goes to an airport that nobody flew to before."""
    return put(rows, "dest", some(rows, rng, 0.01), "XNY")


@_fault
def case_of_one_category(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A registry writes one maker's name in another case."""
    return rows.assign(manufacturer=rows["manufacturer"].replace("MCDONNELL DOUGLAS", "McDonnell Douglas"))


@_fault
def padded_with_a_space(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """One airline's system pads the destination to four characters."""
    return put(rows, "dest", rows["carrier"] == "WN", rows["dest"] + " ")


@_fault
def utf8_read_as_latin1(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A spreadsheet makes an en dash of a hyphen, and UTF-8 is then read as Latin-1; in one airline's rows."""
    damaged = rows["model"].str.replace("-", "\u2013".encode().decode("latin-1"), regex=False)
    return put(rows, "model", (rows["carrier"] == "WN") & rows["model"].notna(), damaged)


@_fault
def text_cut_at_sixteen(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A database column of 16 characters cuts makers' names: MCDONNELL DOUGLAS loses its S."""
    return rows.assign(manufacturer=rows["manufacturer"].str[:16])
