"""Casts of every source type to every supported type; expected values worked by hand."""

from datetime import date, datetime, timezone
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from components.arrow_example_gen.example_encoding import example_batch
from components.shared.errors import ConfigError
from components.table_reading.cells.casting import castable, fit, lost, plain
from components.table_reading.column_matching import own_type
from components.table_reading.column_types import arrow_types, column_types, is_list, parse_schema

N, F, S, B, D, T = arrow_types(dict(enumerate(["int64", "float64", "string", "bool", "date", "timestamp"]))).values()
NOON = datetime(2013, 1, 2, 12)
DAY = date(2013, 1, 2)
MIDNIGHT = datetime(2013, 1, 2)


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        (pa.array([1, None, -128], pa.int8()), N, [1, None, -128]),
        (pa.array([2**63 - 1, 2**63], pa.uint64()), N, [2**63 - 1, None]),
        (pa.array([1.0, -0.0, 2.0**53, None]), N, [1, 0, 2**53, None]),
        (pa.array([0.5, float("nan"), float("inf"), 2.0**63, -(2.0**63)]), N, [None] * 4 + [-(2**63)]),
        (pa.array([Decimal("7.00"), Decimal("7.25"), None]), N, [7, None, None]),
        (pa.array([True, None, False]), N, [1, None, 0]),
        (pa.array(["1"]), N, [None]),
        (pa.array([DAY]), N, [None]),
        (pa.array([None, None]), N, [None, None]),
        (pa.array([[5], [], None, [1, 2]]), N, [5, None, None, None]),
        (pa.array([[5.0], [5.5]], pa.large_list(pa.float32())), N, [5, None]),
        (pa.array([1, 2**53 + 1]), F, [1.0, 2.0**53]),
        (pa.array([0.5, None], pa.float32()), F, [0.5, None]),
        (pa.array([np.float16(0.5)]), F, [0.5]),
        (pa.array([Decimal("1.25")]), F, [1.25]),
        (pa.array([True]), F, [None]),
        (pa.array(["0.5"]), F, [None]),
        (pa.array(["a", "", None]).dictionary_encode(), S, ["a", "", None]),
        (pa.array(["a", None], pa.large_string()), S, ["a", None]),
        (pa.array(["a", "longer than the view holds"], pa.string_view()), S, ["a", "longer than the view holds"]),
        (pa.array([b"ab", b"\xff", None]), S, ["ab", None, None]),
        (pa.array([b"ab", b"cd"], pa.binary(2)), S, ["ab", "cd"]),
        (pa.array([7]), S, [None]),
        (pa.array([2**64 - 1], pa.uint64()), S, ["18446744073709551615"]),
        (pa.array([0, 1, 2, None]), B, [False, True, None, None]),
        (pa.array([1.0]), B, [None]),
        (pa.array([DAY], pa.date64()), D, [DAY]),
        (pa.array([MIDNIGHT, NOON]), D, [DAY, None]),
        (pa.array([15_707, 2**40]), D, [DAY, None]),
        (pa.array(["2013-01-02"]), D, [None]),
        (pa.array([NOON], pa.timestamp("s")), T, [NOON]),
        (pa.array([2**62], pa.timestamp("s")), T, [None]),
        (pa.array([DAY]), T, [MIDNIGHT]),
        (pa.array([1_357_084_800_000_000]), T, [MIDNIGHT]),
        (pa.array([datetime(2013, 1, 2, tzinfo=timezone.utc)], pa.timestamp("ms", "Europe/Berlin")), T, [MIDNIGHT]),
        (pa.array([1_357_084_800_000_000_999], pa.timestamp("ns")), T, [MIDNIGHT]),
        (pa.array([[1], None, [], [2, None], [3, 4]]), pa.list_(N), [[1], None, [], None, [3, 4]]),
        (pa.array([[1.0, 2.0], [1.5]]), pa.list_(N), [[1, 2], None]),
        (pa.array([[1, 2], None], pa.list_(pa.int32(), 2)), pa.list_(F), [[1.0, 2.0], None]),
        (pa.array([["a"], ["b", "c"]], pa.list_view(pa.string())), pa.list_(S), [["a"], ["b", "c"]]),
        (pa.array([1, None]), pa.list_(N), [[1], None]),
        (pa.array([{"k": 1}, None]), N, [None, None]),
    ],
)
def test_fit(values, type_, expected):
    column = plain(values)
    found = fit(column, type_)
    found.validate(full=True)
    assert found.type == type_
    assert found.to_pylist() == expected
    present = [value.is_valid and not (is_list(column.type) and len(value) == 0) for value in column]
    missing = [value is None for value in expected]
    gone = [there and away for there, away in zip(present, missing, strict=True)]
    mask = lost(column, found)
    assert (mask.to_pylist() if mask is not None else [False] * len(gone)) == gone
    # A slice is only what it shows.
    assert fit(plain(values.slice(1)), type_).to_pylist() == expected[1:]


@pytest.mark.parametrize(
    ("type_", "own"),
    [
        (pa.uint8(), N),
        (pa.float16(), F),
        (pa.decimal256(50, 2), F),
        (pa.dictionary(pa.int8(), pa.large_string()), S),
        (pa.binary(), S),
        (pa.time32("s"), pa.time64("us")),
        (pa.duration("ms"), pa.duration("us")),
        (pa.null(), S),
        (pa.date64(), D),
        (pa.timestamp("ns", "UTC"), T),
        (pa.large_list(pa.int8()), pa.list_(N)),
        (pa.list_(pa.bool_(), 3), pa.list_(N)),
        (pa.list_(pa.list_(pa.int64())), None),
        (pa.struct({"k": pa.int64()}), None),
        (pa.map_(pa.string(), pa.int64()), None),
    ],
)
def test_nearest_supported_type(type_, own):
    assert own_type(type_) == own


def test_bisection_finds_values_that_cannot_be_cast():
    cells = [str(number) if number % 3 else "x" * (number % 7 + 1) for number in range(1000)]
    assert castable(pa.array(cells), N).to_pylist() == [number if number % 3 else None for number in range(1000)]


KINDS = """
feature { name: "flag" type: INT bool_domain {} }
feature { name: "day" type: INT time_domain { integer_format: UNIX_DAYS } }
feature { name: "at" type: INT time_domain { integer_format: UNIX_MICROSECONDS } }
feature { name: "seconds" type: INT time_domain { integer_format: UNIX_SECONDS } }
feature { name: "word" type: BYTES bool_domain { true_value: "y" } }
feature { name: "one" type: INT value_count { min: 1 max: 1 } }
feature { name: "optional" type: FLOAT value_count { max: 1 } }
feature { name: "zero_or_one" type: BYTES value_count { min: 0 max: 1 } }
feature { name: "some" type: INT value_count { min: 1 max: 3 } }
feature { name: "any" type: BYTES value_count { min: 1 } }
feature { name: "scalar" type: FLOAT shape {} }
feature { name: "one_wide" type: FLOAT shape { dim { size: 1 } } }
feature { name: "vector" type: FLOAT shape { dim { size: 3 } } }
"""


def test_column_types_of_features():
    assert column_types(parse_schema(KINDS, "s")) == {
        "flag": "bool",
        "day": "date",
        "at": "timestamp",
        "seconds": "int64",
        "word": "string",
        "one": "int64",
        "optional": "float64",
        "zero_or_one": "string",
        "some": "list:int64",
        "any": "list:string",
        "scalar": "float64",
        "one_wide": "float64",
        "vector": "list:float64",
    }


def test_an_unknown_alias_is_refused_with_the_legal_ones():
    with pytest.raises(ConfigError, match="column 'c': unknown type 'int'; legal: int64, float64, string"):
        arrow_types({"c": "int"})


def test_every_type_is_encoded_as_int64_float32_or_bytes():
    batch = pa.record_batch(
        {
            "b": pa.array([True, None, False]),
            "d": pa.array([date(1970, 1, 2), None, date(1969, 12, 31)]),
            "t": pa.array([datetime(1970, 1, 1, 0, 0, 1), None, None], T),
            "li": pa.array([[1, 2], [], None], pa.list_(N)),
            "lf": pa.array([None, [0.5], [0.1, 1e300]], pa.list_(F)),
            "ls": pa.array([["", "ü"], None, []], pa.list_(S)),
        }
    )
    stored = example_batch(batch)
    assert stored.to_pydict() == {
        "b": [[1], None, [0]],
        "d": [[1], None, [-1]],
        "t": [[1_000_000], None, None],
        "li": [[1, 2], [], None],
        "lf": [None, [0.5], [float(np.float32(0.1)), float("inf")]],
        "ls": [[b"", "ü".encode()], None, []],
    }
    assert {str(type_.value_type) for type_ in stored.schema.types} == {"int64", "float", "binary"}
