"""Cells that can be read in two ways, or in none: init says how it reads them, and the setting that says otherwise."""

import datetime as dt
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.onboarding.initialise.test_silent_losses import init as init
from tests.pipeline.onboarding.initialise.test_silent_losses import types

Init = Callable[..., tuple[int, dict[str, Any], str]]


def column(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["columns"] if one["name"] == name)


def said(found: dict[str, Any]) -> str:
    return "\n".join(one["what"] for one in found["assumed"])


def settings() -> str:
    return Path("schemas/x/pipeline.toml").read_text(encoding="utf-8")


def table(head: str, cells: Callable[[int], str], rows: int = 300) -> str:
    return f"{head},y\n" + "".join(f"{cells(n)},{n * n // 7 % 2}\n" for n in range(rows))


def test_births_of_two_digits_are_of_the_past(init: Init) -> None:
    born = table("b", lambda n: f"{n % 28 + 1:02}.{n % 12 + 1:02}.{(1930 + n % 80) % 100:02}")
    code, found, _ = init(only=born)
    assert code == 0
    assert "years of two digits are read as 1930 to 2009" in column(found, "b")["note"]
    assert f'latest_year = {{ "b" = {dt.date.today().year} }}' in settings()


def test_terms_of_two_digits_stay_in_the_future_and_are_said(init: Init) -> None:
    now = dt.date.today().year
    ends = table("b", lambda n: f"{n % 28 + 1:02}.{n % 12 + 1:02}.{(now + n % 30) % 100:02}")
    code, found, _ = init(only=ends)
    assert code == 0
    assert f"are read as {now} to {now + 29} ([data] latest_year); if these are of the" in column(found, "b")["note"]
    assert "latest_year" not in settings()


def test_bare_numbers_beside_percentages_are_said(init: Init) -> None:
    code, found, _ = init(only=table("p", lambda n: f"{n % 40 + 1}%" if n % 3 else f"0.{n % 90 + 10}"))
    assert code == 0
    assert types(found)["p"] == "float64"
    note = column(found, "p")["note"]
    assert "200 values have a unit and 100 have none" in note
    assert "if 0.12 means 12%, set [data.numbers] units to { '%' = 0.01 }" in note


def test_a_b_alone_multiplies_nothing(init: Init) -> None:
    code, found, _ = init(only=table("s,r,m", lambda n: f"{n % 50} B,{n % 50} {('B', 'kB')[n % 2]},${n % 50}B"))
    assert code == 0
    assert {name: one["units"] for name, one in found["numbers"].items()} == {
        "s": {"B": 1},
        "r": {"B": 1, "kB": 1000},
        "m": {"$": 1, "B": 1e9},
    }
    assert "B is taken for a unit; if it means billions, 1e9 in [data.numbers]" in column(found, "s")["note"]


def test_files_with_other_decimal_marks_are_not_merged(init: Init) -> None:
    # In 1,234 the comma may be either; the columns beside it say what it is in each of the files.
    points = "a;p;y\n" + "".join(f"1,{n % 900 + 100};{n}.5;{n % 2}\n" for n in range(60))
    commas = "a;p;y\n" + "".join(f"1,{n % 900 + 100};{n},5;{n % 2}\n" for n in range(60))
    code, found, _ = init(span_1=points, span_2=commas, span_3=commas)
    assert code == 0
    assert types(found)["a"] == types(found)["p"] == "string"
    for name in ("a", "p"):
        assert "decimal points in t/span-1.csv and decimal commas in t/span-2.csv" in column(found, name)["note"]


def test_files_with_another_order_of_day_and_month_are_named(init: Init) -> None:
    days = table("d", lambda n: f"{n % 28 + 1:02}/{n % 12 + 1:02}/2023")
    firsts = table("d", lambda n: f"{n % 12 + 1:02}/01/2023")
    code, found, _ = init(span_1=days, span_2=days, span_3=firsts)
    assert code == 0
    note = column(found, "d")["note"]
    assert "all files are read as %d/%m/%Y, but t/span-3.csv looks like %m/%d/%Y; use one notation in all files" in note


def test_files_that_contradict_each_other_on_day_and_month_are_named(init: Init) -> None:
    days = table("d,v", lambda n: f"{n % 28 + 1:02}/{n % 12 + 1:02}/2023,{n % 5}")
    months = table("d,v", lambda n: f"{n % 12 + 1:02}/{n % 28 + 1:02}/2023,{n % 5}")
    code, found, _ = init(span_1=days, span_2=months)
    assert code == 0
    note = column(found, "d")["note"]
    assert "%d/%m/%Y in t/span-1.csv, %m/%d/%Y in t/span-2.csv, so they are not read as dates" in note


def test_codes_among_numbers_are_shown(init: Init) -> None:
    code, found, _ = init(only=table("c", lambda n: str(n % 30 + 1) if n % 3 else f"00{n % 10}"))
    assert code == 0
    assert "numbers in 200 rows and other text in 100: '000', '003', '006'" in column(found, "c")["note"]


@pytest.mark.parametrize(("bad", "fine"), [("2024-02-30", "2024-{m:02}-{d:02}"), ("31.02.2024", "{d:02}.{m:02}.2024")])
def test_a_date_that_there_is_not_is_one_misfit(init: Init, bad: str, fine: str) -> None:
    cells = table("d", lambda n: bad if n == 7 else fine.format(m=n % 12 + 1, d=n % 28 + 1), 60)
    code, found, _ = init(only=cells)
    assert code == 0
    assert types(found)["d"] == "date"
    assert f"d: 1 type mismatch, read as missing; the first impossible date is '{bad}'" in (said(found))
    assert "(t/only.csv, row 9)" in said(found)  # the header is row 1
    assert 'on_type_mismatch = "warn"' in settings()


def test_infinite_numbers_make_no_warning(init: Init) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        code, found, _ = init(
            only=table("v,w", lambda n: f"{'inf' if n % 9 == 0 else n / 7},{'-inf' if n % 2 else 'inf'}")
        )
    assert code == 0
    assert column(found, "v")["kind"] == "numeric"
    assert column(found, "w")["suspicious"] == "has no value in any row"


def test_cells_of_blanks_alone_are_missing(init: Init) -> None:
    code, found, _ = init(only=table("a,v", lambda n: f"{('Yes', 'No ', '   ')[n % 3]},{n % 5}"))
    assert code == 0
    assert found["missing"] == ["", "   "]
    assert column(found, "a")["distinct"] == 2
    assert "'   ' mean \"no value\"" in said(found)
