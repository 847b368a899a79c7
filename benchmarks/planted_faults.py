"""Realistic data faults that can be planted into the flights, each separately.

A fault is a pure function (rows, rng) -> rows: it returns a new table, leaves its input as it was, keeps the index
label of every row that it keeps, and does the same for the same state of `rng`. Its docstring says what it stands for.
Rows are flights as `read_rows` gives them, with a unique index. Those in single cells are in planted_cells.py; here are
those in which rows there are, in how columns go together, and in the label.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.planted_cells import CELL_FAULTS, Plant, put, some

STRICTER_MINUTES = 20
AIRCRAFT = ["plane_year", "plane_type", "manufacturer", "model", "engines", "seats", "engine"]
_ROW_FAULTS: list[Plant] = []


@dataclass(frozen=True)
class Fault:
    """A fault, its name, and one line on what it stands for."""

    name: str
    stands_for: str
    plant: Plant


def read_rows(table: Path) -> pd.DataFrame:
    """A span's CSV as the faults expect it: integers with gaps stay integers, only an empty cell is missing."""
    return pd.read_csv(table, dtype_backend="numpy_nullable", keep_default_na=False, na_values=[""])


def stricter_labels() -> pd.Series:
    """row_id -> late, of every labelled flight of the year, were `late` more than 20 minutes instead of 15."""
    from data.flights import LATE_MINUTES, build_rows, load_tables, package_data

    flights, weather, planes = load_tables(package_data())
    earlier = flights["arr_delay"] - (STRICTER_MINUTES - LATE_MINUTES)
    rows = build_rows(flights.assign(arr_delay=earlier), weather, planes)
    return rows.set_index("row_id")["late"].dropna()


def all_faults(another_month: pd.DataFrame, stricter: pd.Series) -> tuple[Fault, ...]:
    """Every fault, in a fixed order.

    Args:
      another_month: Rows of another span.
      stricter: row_id -> late under a stricter definition, for every row that the faults will be planted into.
    """
    made = [_rows_of_another_month(another_month), _label_definition_stricter(stricter)]
    plants = [*CELL_FAULTS, *_ROW_FAULTS, *made]
    return tuple(Fault(plant.__name__, (plant.__doc__ or "").splitlines()[0], plant) for plant in plants)


def share_touched(before: pd.DataFrame, after: pd.DataFrame) -> float:
    """Rows changed, removed or added, as a share of the rows before; compared as a CSV file shows them.

    A row that replaces another counts once; a column that comes or goes touches every row.
    """
    if set(before.columns) != set(after.columns):
        return 1.0
    kept = after[~after.index.duplicated() & after.index.isin(before.index)]
    gone, added = len(before) - len(kept), len(after) - len(kept)
    old, new = before.loc[kept.index].astype("string"), kept[before.columns].astype("string")
    same = (old == new).fillna(False) | (old.isna() & new.isna())
    return (int((~same.all(axis=1)).sum()) + max(gone, added)) / len(before)


def _fault(plant: Plant) -> Plant:
    _ROW_FAULTS.append(plant)
    return plant


# -- which rows there are ---------------------------------------------------------------------------------------------


@_fault
def one_hour_sent_twice(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """The busiest hour of one day is delivered twice."""
    hour = rows["day"] * 24 + rows["sched_dep"] // 60
    return pd.concat([rows, rows[hour == hour.value_counts().sort_index().idxmax()]])


@_fault
def ids_sent_again(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Three per cent of the rows come a second time, with the weather of a later report."""
    again = rows[some(rows, rng, 0.03)]
    return pd.concat([rows, again.assign(temp=(again["temp"] + 1.08).round(2))])


@_fault
def airport_down_for_a_week(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """One airport's rows of seven days are not there."""
    return rows[~((rows["origin"] == "LGA") & rows["day"].between(8, 14))]


@_fault
def last_days_not_delivered(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """The month's file is written before its last two days."""
    return rows[rows["day"] <= rows["day"].max() - 2]


def _rows_of_another_month(another: pd.DataFrame) -> Plant:
    def rows_of_another_month(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """A tenth of the rows is from another month."""
        wrong = some(rows, rng, 0.1)
        strangers = another.iloc[rng.choice(len(another), int(wrong.sum()), replace=False)]
        return pd.concat([rows[~wrong], strangers.set_axis(range(-1, -len(strangers) - 1, -1))])

    return rows_of_another_month


# -- how columns go together ------------------------------------------------------------------------------------------


@_fault
def two_columns_swapped(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Temperature and dew point change places in every row."""
    return rows.assign(temp=rows["dewp"], dewp=rows["temp"])


@_fault
def two_columns_swapped_in_a_tenth(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """In a tenth of the rows, scheduled departure and arrival change places."""
    mask = some(rows, rng, 0.1)
    return put(put(rows, "sched_dep", mask, rows["sched_arr"]), "sched_arr", mask, rows["sched_dep"])


@_fault
def column_shuffled(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A column is joined in another order than the rest: its own distribution is the same to the last row."""
    return rows.assign(dewp=rows["dewp"].array[rng.permutation(len(rows))])


@_fault
def aircraft_of_other_rows(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A fifth of the flights is joined to the aircraft of another: no column's distribution changes."""
    places = np.flatnonzero(some(rows, rng, 0.2))
    order = np.arange(len(rows))
    order[places] = rng.permutation(places)
    return rows.assign(**{name: rows[name].array[order] for name in AIRCRAFT})


@_fault
def relation_reversed_at_one_airport(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """At one airport dew point falls where it rose with temperature; neither distribution changes, not even there."""
    inside = rows[(rows["origin"] == "JFK") & rows["temp"].notna() & rows["dewp"].notna()]
    by_temperature = inside.index[np.argsort(inside["temp"].to_numpy(), kind="stable")]
    falling = pd.Series(np.sort(inside["dewp"].to_numpy(dtype=float))[::-1], index=by_temperature)
    where = rows.index.isin(inside.index)
    return put(rows, "dewp", where, falling.reindex(rows.index))


# -- the label --------------------------------------------------------------------------------------------------------


@_fault
def label_flipped_in_one_slice(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """One airline's labels come with 0 and 1 exchanged."""
    return put(rows, "late", rows["carrier"] == "WN", 1 - rows["late"])


def _label_definition_stricter(stricter: pd.Series) -> Plant:
    def label_definition_stricter(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
        """Somebody defines late as more than 20 minutes instead of 15."""
        labels = stricter.reindex(rows["row_id"]).set_axis(rows.index)
        return rows.assign(late=labels.astype(rows["late"].dtype))

    return label_definition_stricter


@_fault
def prior_shift(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A fifth of the late flights is lost on the way: the late share falls, late flights are as they were."""
    return rows[~((rows["late"] == 1) & some(rows, rng, 0.2))]


@_fault
def concept_reversed_at_one_airport(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """At one airport labels are reassigned in reverse order of departure: morning flights are late."""
    inside = rows[rows["origin"] == "EWR"].sort_values(["sched_dep", "row_id"])
    reversed_labels = pd.Series(inside["late"].array[::-1], index=inside.index)
    return put(rows, "late", rows["origin"] == "EWR", reversed_labels.reindex(rows.index))


@_fault
def leak_in_a_new_column(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """A table joined later brings a column that is known only after landing: the label by another name."""
    return rows.assign(compensation_due=rows["late"])


@_fault
def leak_in_an_old_column(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A column's values are reassigned in the order of label plus noise: its distribution is unchanged."""
    there = rows[rows["humid"].notna()]
    by_label = np.argsort(there["late"].to_numpy(dtype=float) + rng.normal(size=len(there)), kind="stable")
    values = pd.Series(np.sort(there["humid"].to_numpy(dtype=float)), index=there.index[by_label])
    return put(rows, "humid", rows["humid"].notna(), values.reindex(rows.index))
