import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.errors import UsageError
from components.table_reading.column_types import column_types, parse_schema
from pipeline.onboarding.schema.schema_changes import (
    MAX_KEPT,
    MismatchCounts,
    SetField,
    feature_changes,
    new_column,
    numbered,
    percent,
    threshold_changes,
    type_change,
)


def feature_and_schema(text, domain=""):
    schema = parse_schema(f"feature {{ name: 'c' {text} }} {domain}", "schema.pbtxt")
    return schema.feature[0], schema


def found(text, domain="", **splits):
    """The changes for the column's values by split, and the schema with all of them accepted."""
    feature, schema = feature_and_schema(text, domain)
    tallies = {split: MismatchCounts() for split in splits}
    for split, batches in splits.items():
        for batch in batches:
            tallies[split].add(pa.array(batch[0], batch[1]), feature, schema)
    changes = list(feature_changes(schema, feature, tallies))
    for change in changes:
        for edit in change.edits:
            edit.apply(schema)
    return [(change.what, change.detail) for change in changes], text_format.MessageToString(schema, as_one_line=True)


COLORS = "string_domain { name: 'colors' value: 'red' value: 'blue' }"


def test_new_values_with_rows_and_shares():
    changes, schema = found(
        "type: BYTES domain: 'colors'",
        COLORS,
        train=[(["red"] * 90 + ["green"], pa.string())],
        eval=[(["blue", "green", "green", None], pa.string()), (["Red "] + ["red"] * 4, pa.string())],
    )
    assert changes == [
        ("value", "new value 'green', 3 rows (3 %; 22.2 % of eval)"),
        (
            "value",
            "new value 'Red ', 1 row (1 %; 11.1 % of eval); differs from 'red' in case or spaces only; "
            "[data.values.c] maps it to that value",
        ),
    ]
    assert 'value: "blue" value: "green" value: "Red "' in schema


def test_a_share_that_the_domain_lets_pass_is_no_finding():
    open_by = "type: BYTES domain: 'colors' distribution_constraints { min_domain_mass: 0.5 }"
    assert found(open_by, COLORS, eval=[(["red", "green"], pa.string())])[0] == []
    assert found(open_by, COLORS, eval=[(["red", "green", "white"], pa.string())])[0] != []


def test_the_split_that_is_worst_counts():
    """Half of eval is new, though of all rows it is little: the gate judges each split."""
    text = "type: BYTES domain: 'colors' distribution_constraints { min_domain_mass: 0.9 }"
    changes, _ = found(text, COLORS, train=[(["red"] * 98, pa.string())], eval=[(["red", "green"], pa.string())])
    assert changes == [("value", "new value 'green', 1 row (1 %; 50 % of eval)")]


def test_very_many_new_values_open_the_domain_and_fit_into_memory():
    feature, schema = feature_and_schema("type: BYTES domain: 'colors'", COLORS)
    tally = MismatchCounts()
    for start in range(0, 5 * MAX_KEPT, 500):
        tally.add(pa.array([f"v{number}" for number in range(start, start + 500)]), feature, schema)
    assert len(tally.odd["value"]) == MAX_KEPT + 1
    (change,) = feature_changes(schema, feature, {"eval": tally})
    assert change.what == "domain"
    assert change.detail.startswith("more than 1,000 new values, 5,000 rows (100 %), most often 'v0' (1)")
    for edit in change.edits:
        edit.apply(schema)
    assert not schema.feature[0].HasField("domain")


def test_ranges_show_what_is_beyond_them():
    changes, schema = found(
        "type: FLOAT float_domain { min: -40 max: 130 }",
        train=[([-40.0, 130.0, float("nan"), None], pa.float64())],
        eval=[([-999.0, -999.0, 200.1, 1.0], pa.float64())],
    )
    assert changes == [
        ("min", "2 values (28.6 %; 50 % of eval) below -40, most often -999 (2); float_domain.min -40 -> -999"),
        ("max", "1 value (14.3 %; 25 % of eval) above 130, most often 200.1 (1); float_domain.max 130 -> 200.1"),
    ]
    assert "float_domain { min: -999.0 max: 200.1 }" in schema


def test_integers_are_shown_whole_and_an_open_side_stays_open():
    changes, schema = found("type: INT int_domain { max: 9 }", eval=[([-5, 12_345_678_901], pa.int64())])
    assert [detail for _, detail in changes] == [
        "1 value (50 %) above 9, most often 12345678901 (1); int_domain.max 9 -> 12345678901"
    ]
    assert "int_domain { max: 12345678901 }" in schema


def test_what_a_float32_holds_is_compared():
    """0.1 as a float32 is above 0.1 as a double; the schema's limit is a float32 as well."""
    assert found("type: FLOAT float_domain { max: 0.1 }", eval=[([0.1], pa.float64())])[0] == []


def test_presence_falls_to_the_worst_split_rounded_down():
    changes, schema = found(
        "type: INT presence { min_fraction: 1 min_count: 1 }",
        train=[([1] * 9, pa.int64())],
        eval=[([1, 2, None], pa.int64())],
    )
    assert changes == [
        ("presence", "1 row (8.33 %; 33.3 % of eval) without a value; presence.min_fraction 1 -> 0.6666")
    ]
    assert "presence { min_fraction: 0.6666 min_count: 1 }" in schema


def test_a_column_without_any_value():
    changes, schema = found("type: INT presence { min_fraction: 1 min_count: 1 }", eval=[([None] * 4, pa.int64())])
    assert [what for what, _ in changes] == ["presence"]
    assert "presence { min_fraction: 0.0 min_count: 0 }" in schema


def test_lists():
    changes, schema = found(
        "type: BYTES value_count { min: 1 max: 2 } domain: 'colors' presence { min_fraction: 0.5 }",
        COLORS,
        eval=[([["red", "green", "blue"], [], None, ["red"]], pa.list_(pa.string()))],
    )
    assert changes == [
        ("value_count", "rows with up to 3 values; value_count.max 2 -> 3"),
        ("value", "new value 'green', 1 row (25 %)"),
    ]
    assert "value_count { min: 1 max: 3 }" in schema


def test_what_fits_and_no_rows_change_nothing():
    text = "type: INT presence { min_fraction: 1 min_count: 1 } int_domain { min: 0 max: 3 }"
    assert found(text, eval=[([0, 3], pa.int64())])[0] == []
    assert found(text, eval=[([], pa.int64())])[0] == []
    assert found(text)[0] == []


@pytest.mark.parametrize(
    ("text", "alias", "after"),
    [
        ("type: INT int_domain { min: 1 max: 4 }", "float64", "type: FLOAT float_domain { min: 1.0 max: 4.0 }"),
        ("type: INT int_domain { min: 1 }", "string", "type: BYTES"),
        ("type: BYTES domain: 'colors'", "int64", "type: INT"),
        ("type: INT bool_domain {}", "date", "type: INT time_domain { integer_format: UNIX_DAYS }"),
        ("type: BYTES", "bool", "type: INT bool_domain { }"),
    ],
)
def test_another_type(text, alias, after):
    feature, schema = feature_and_schema(text)
    for edit in type_change(feature, alias, "").edits:
        edit.apply(schema)
    assert text_format.MessageToString(schema.feature[0], as_one_line=True) == f'name: "c" {after}'
    assert column_types(schema) == {"c": alias}


@pytest.mark.parametrize("alias", ["int64", "float64", "string", "bool", "date", "timestamp", "list:int64"])
def test_a_new_column_has_the_type_that_was_inferred(alias):
    schema = schema_pb2.Schema()
    new_column("n", alias, "found", categorical=True).edits[0].apply(schema)
    assert column_types(schema) == {"n": alias}
    assert schema.feature[0].int_domain.is_categorical == (alias == "int64")


def test_thresholds_become_changes_and_other_measures_stay():
    _, schema = feature_and_schema("type: INT drift_comparator { infinity_norm { threshold: 0.02 } }")
    for measure in ("infinity_norm", "jensen_shannon_divergence"):
        (change,) = threshold_changes(schema, {"c": ("drift", measure, 0.035)})
        change.edits[0].apply(schema)
    assert change.detail == "drift_comparator.jensen_shannon_divergence.threshold none -> 0.035"
    assert text_format.MessageToString(schema.feature[0].drift_comparator, as_one_line=True).strip() == (
        "infinity_norm { threshold: 0.035 } jensen_shannon_divergence { threshold: 0.035 }"
    )
    assert threshold_changes(schema, {"c": ("drift", "infinity_norm", 0.035)}) == []


@pytest.mark.parametrize(
    ("suggestion", "message"),
    [
        ({"x": ("drift", "infinity_norm", 0.1)}, "feature 'x': not in the schema; available: c"),
        ({"c": ("shift", "infinity_norm", 0.1)}, "legal: drift or skew"),
        ({"c": ("skew", "chebyshev", 0.1)}, "legal: drift or skew, infinity_norm or jensen_shannon_divergence"),
        ({"c": ("skew", "infinity_norm", float("nan"))}, "threshold nan must lie between 0 and 1"),
    ],
)
def test_thresholds_that_cannot_be(suggestion, message):
    _, schema = feature_and_schema("type: INT")
    with pytest.raises(UsageError, match=message):
        threshold_changes(schema, suggestion)


def test_numbers_and_shares():
    feature, _ = feature_and_schema("type: INT")
    assert [change.number for change in numbered([type_change(feature, "string", "")] * 2)] == [1, 2]
    assert [percent(*pair) for pair in [(0, 9), (1, 10**6), (37, 26_000), (1, 8), (5, 5)]] == [
        "0.00 %",
        "<0.01 %",
        "0.14 %",
        "12.5 %",
        "100 %",
    ]
    assert SetField("c", ("type",), None).value is None
