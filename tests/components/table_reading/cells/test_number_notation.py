import string

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.table_reading.cells.number_notation import DECIMALS, THOUSANDS, NumberNotation

FLOAT, INT = pa.float64(), pa.int64()


@pytest.mark.parametrize(
    ("notation", "cells"),
    [
        (
            NumberNotation(",", "."),
            {
                "1.001,30": 1001.3,
                "834,67": 834.67,
                "-1.234.567,5": -1234567.5,
                "12.5": None,
                "1,5E3": 1500.0,
                ",5": 0.5,
            },
        ),
        (
            NumberNotation(".", ","),
            {"1,234.50": 1234.5, "12,34,567": 1234567.0, "1,23": None, "1234": 1234.0, "1,234,5": None},
        ),
        (NumberNotation(",", " "), {"1\u202f234,5": 1234.5, "1\u00a0234 567": 1234567.0, "12 34": None}),
        (NumberNotation(".", "'"), {"1'234.5": 1234.5, "1\u2019234": 1234.0}),
        (NumberNotation(".", "_"), {"1_000": 1000.0}),
        (
            NumberNotation(),
            {"(4.35)": -4.35, "4-": -4.0, "+4": 4.0, "\u22124": -4.0, "(4": None, "--4": None, "(-4)": None},
        ),
        (
            NumberNotation(units={"$": 1, "M": 1e6, "k": 1e3}),
            {"$1.5M": 1500000.0, "-$4": -4.0, "$-4": -4.0, "($4)": -4.0, "4.35k": 4350.0, "5": 5.0, "€5": None},
        ),
        (NumberNotation(units={"kg": 1, "g": 0.001}), {"5 kg": 5.0, "5g": 0.005, "300\u00a0g": 0.3, "5 t": None}),
        (NumberNotation(units={"mi": 1.609344, "km": 1}), {"2 mi": 3.218688, "2 km": 2.0}),
        (NumberNotation(units={"%": 1}), {"12.5%": 12.5, "12.5 %": 12.5}),
    ],
)
def test_parse_by_notation(notation, cells):
    assert notation.parse(pa.array(list(cells)), FLOAT).to_pylist() == list(cells.values())


def test_whole_numbers_stay_integers():
    cells = pa.array(["1,234", "9,007,199,254,740,993", "1.5", "2.0", None])
    assert NumberNotation(".", ",").parse(cells, INT).to_pylist() == [1234, 9007199254740993, None, 2, None]
    assert NumberNotation(units={"k": 1000}).parse(pa.array(["1.5k", "1.5"]), INT).to_pylist() == [1500, None]


@st.composite
def written(draw):
    """A notation, numbers, and their texts in it."""
    decimal = draw(st.sampled_from(DECIMALS))
    thousands = draw(st.sampled_from([mark for mark in THOUSANDS if mark != decimal]))
    before = draw(st.sampled_from(["", "$", "€", "CHF"]))
    behind = draw(st.sampled_from(["", "%", "kg", "€", "Stück"]))
    numbers = draw(st.lists(st.decimals(-(10**12), 10**12, places=draw(st.integers(0, 4))), min_size=1, max_size=20))
    gap = draw(st.sampled_from(["", " ", "\u00a0"]))
    style = draw(st.sampled_from(["-{}", "({})", "{}-"]))
    cells = []
    for number in numbers:
        digits = f"{abs(number):,f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
        one = f"{before}{digits}{gap if behind else ''}{behind}"
        cells.append(style.format(one) if number < 0 else one)
    units = dict.fromkeys(filter(None, (before, behind)), 1.0)
    return NumberNotation(decimal, thousands, units), [float(number) for number in numbers], cells


@given(written())
def test_formatted_numbers_are_parsed_back(case):
    notation, numbers, cells = case
    assert notation.parse(pa.array(cells), FLOAT).to_pylist() == numbers


@given(st.lists(st.text(string.digits + ".,' _-+()$%kM \u00a0", max_size=12)), st.sampled_from(DECIMALS))
def test_no_text_raises(cells, decimal):
    for mark in THOUSANDS:
        if mark != decimal:
            values = NumberNotation(decimal, mark, {"$": 1, "k": 1e3}).parse(pa.array(cells, pa.string()), FLOAT)
            assert len(values) == len(cells)
