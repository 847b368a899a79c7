"""Whole comparisons of rows, as users see them."""

import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.drift_validator.drift_detection import (
    JOINT_COLUMNS,
    DriftConfig,
    DriftResult,
    _sampled_names,
    find_drift,
)
from components.drift_validator.thresholds import DriftThresholds

NAN, INF = float("nan"), float("inf")
ALONE = DriftConfig(joint_rows=0)


def drift(baseline: dict | pa.Table, current: dict | pa.Table, plan: DriftConfig = ALONE) -> DriftResult:
    sides = [side if isinstance(side, pa.Table) else pa.table(side) for side in (baseline, current)]
    return find_drift(*(side.to_batches(max_chunksize=70) for side in sides), plan)


def by_key(found: DriftResult) -> dict:
    return {(row.feature, row.measure, row.slice): row for row in found.rows}


def drifted(found: DriftResult) -> set:
    return {(row.feature, row.measure, row.slice) for row in found.rows if row.drifted}


def flights(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    delay = random.lognormal(2, 1, rows).round(1)
    delay[random.random(rows) < 0.1] = NAN
    return pa.table(
        {
            "id": [f"{seed}-{row}" for row in range(rows)],
            "carrier": random.choice(["UA", "B6", "ÉV"], rows, p=[0.5, 0.3, 0.2]),
            "origin": random.choice(["EWR", "JFK"], rows),
            "delay": delay,
            "tags": [["a", "b"][: random.integers(0, 3)] for _ in range(rows)],
        }
    )


def test_identical_data_have_not_drifted():
    rows = flights(400, 1)
    found = drift(rows, rows, replace(ALONE, slices=[["origin"]], min_slice_rows=50))
    assert not found.drifted
    assert {(row.distance, row.p_value) for row in found.rows} == {(0.0, 1.0)}
    assert (found.baseline_rows, found.current_rows) == (400, 400)
    assert {"carrier", "delay", "tags", "(rows)"} <= {row.feature for row in found.rows}


def test_two_samples_of_one_source_have_not_drifted():
    assert not drift(flights(400, 1), flights(300, 2), replace(ALONE, slices=[["origin"]], min_slice_rows=50)).drifted


cells = {
    "t": st.none() | st.sampled_from(["a", "b", "é", "日本"]),
    "x": st.none() | st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 0.25]) | st.integers(-5, 5).map(float),
    "l": st.none() | st.lists(st.sampled_from(["u", "v"]), max_size=3),
}
rows = st.lists(st.fixed_dictionaries(cells), max_size=12)
SCHEMA = pa.schema({"t": pa.string(), "x": pa.float64(), "l": pa.list_(pa.string())})


def table(found: list) -> pa.Table:
    return pa.Table.from_pylist(found, schema=SCHEMA)


@settings(max_examples=40, deadline=None)
@given(rows, rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(baseline, current, random):
    shuffled = [random.sample(side, len(side)) for side in (baseline, current)]
    assert drift(table(baseline), table(current)).rows == drift(*map(table, shuffled)).rows


@settings(max_examples=40, deadline=None)
@given(rows, rows)
def test_duplicating_all_rows_changes_no_distance(baseline, current):
    def distances(one, other):
        found = by_key(drift(table(one), table(other))).items()
        return {key: row.distance for key, row in found if key[0] != "(rows)"}

    assert distances(baseline * 2, current * 2) == distances(baseline, current)


@settings(max_examples=40, deadline=None)
@given(rows, rows)
def test_the_report_is_json_and_in_range(baseline, current):
    found = drift(table(baseline), table(current), DriftConfig(joint_rows=0, slices=[["t"]], min_slice_rows=1))
    json.dumps([asdict(row) for row in found.rows], allow_nan=False)
    for row in found.rows:
        assert 0 <= row.distance <= 1 and 0 <= row.threshold <= 1
        assert row.p_value is None or 0 <= row.p_value <= row.q_value <= 1


def test_nan_is_missing_and_infinities_are_values():
    found = by_key(drift({"x": [1.0, 2.0, 3.0, 4.0]}, {"x": [1.0, NAN, INF, -INF]}))
    # F = 1/4, G = 2/3 at 1 (of the three values that are not missing): 5/12
    moved = found["x", "kolmogorov_smirnov", ""]
    assert (moved.distance, moved.at) == (pytest.approx(5 / 12), 1.0)
    assert found["x", "missing", ""].distance == 0.25
    outside = found["x", "out_of_range", ""]
    assert (outside.distance, outside.at) == (pytest.approx(2 / 3), "inf")
    assert outside.detail == "inf is above all of the baseline (1 to 4), 66.7% of the values outside"
    lost = found["x", "range_lost", ""]
    assert (lost.distance, lost.p_value) == (0.0, 1.0)


def test_equal_shares_of_nan_are_no_drift():
    assert not drift({"x": [NAN] * 500 + [1.0] * 500}, {"x": [1.0] * 500 + [NAN] * 500}).drifted


@pytest.mark.parametrize("values", [pa.array(["a"] * 300), pa.array([0.5] * 300), pa.array([["a", "b"]] * 300)])
def test_a_column_that_becomes_missing(values):
    nothing = pa.nulls(300, values.type)
    for one, other in ((values, nothing), (nothing, values)):
        found = drift({"x": one, "y": range(300)}, {"x": other, "y": range(300)})
        assert drifted(found) == {("x", "missing", "")}
        assert by_key(found)["x", "missing", ""].distance == 1.0
    assert not drift({"x": nothing}, {"x": nothing}).drifted
    # A column of nulls without a type:
    assert drifted(drift({"x": values}, {"x": pa.nulls(300)})) == {("x", "missing", "")}


def test_a_split_without_rows_has_no_drift():
    full = flights(300, 1)
    for one, other in ((full, full[:0]), (full[:0], full), (full[:0], full[:0])):
        found = drift(one, other, DriftConfig(slices=[["origin"]], min_slice_rows=1))
        assert not found.drifted
        assert (found.baseline_rows, found.current_rows) == (len(one), len(other))
        assert {row.p_value for row in found.rows} <= {1.0, None}


def test_no_batches_at_all():
    assert find_drift([], [], ALONE) == DriftResult([], 0, 0)
    found = find_drift(flights(300, 1).to_batches(), [], DriftConfig())  # the sample for the joint test is empty, too
    assert not found.drifted
    assert {(row.measure, row.detail) for row in found.rows if row.role == "feature"} == {
        ("missing", "no column of the current data")
    }


def test_a_feature_that_one_side_lacks():
    one = flights(300, 1)
    found = drift(one, one.drop_columns("delay").append_column("gate", pa.array(["B7"] * 300)))
    assert drifted(found) == {("delay", "missing", ""), ("gate", "missing", "")}
    details = {key[0]: row.detail for key, row in by_key(found).items() if row.drifted}
    assert details == {"delay": "no column of the current data", "gate": "no column of the baseline"}


def test_unicode_categories():
    # Composed and decomposed é look equal but differ in bytes.
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    found = by_key(drift({"x": [composed] * 500 + ["東京"] * 500}, {"x": [decomposed] * 500 + ["東京"] * 500}))
    new = found["x", "unseen", ""]
    assert (new.at, new.distance, new.drifted) == (decomposed, 0.5, True)
    assert found["x", "vanished", ""].at == composed
    control = by_key(drift({"x": ["a"] * 500}, {"x": ["a"] * 400 + ["b\n\x1b[31m"] * 100}))["x", "unseen", ""]
    assert control.at == "b\n\x1b[31m" and control.detail.startswith("'b\\n\\x1b[31m' not in")
    assert not drift({"👩‍👩‍👧": ["🛫"] * 500}, {"👩‍👩‍👧": ["🛫"] * 500}).drifted


def test_bytes_that_are_not_utf8():
    found = by_key(drift({"x": [b"ok"] * 500}, {"x": [b"ok"] * 250 + [b"\xff\x00"] * 250}))
    assert found["x", "unseen", ""].at == "\\xff\x00"


def test_numbers_against_texts():
    """A column that is numeric in one data set only: 1 and 1.0 have the same name, "n/a" is new."""
    found = drift({"x": [1.0, 2.0] * 250}, {"x": ["1", "2"] * 200 + ["n/a"] * 100})
    assert by_key(found)["x", "unseen", ""].at == "n/a"
    assert not drift({"x": [1.0, 2.0] * 250}, {"x": ["1", "2"] * 250}).drifted


def test_lists_by_their_values_and_their_lengths():
    # 800 and 1,200 values; shares of "a" 1/2 and 2/3; lengths 1, 1, 2 against 1, 2, 3.
    before = {"x": [["a"], ["b"], ["a", "b"], None] * 200}
    after = {"x": [["a"], ["a", "b"], ["a", "b", "a"], []] * 200}
    found = by_key(drift(before, after))
    assert found["x", "chebyshev", ""].distance == pytest.approx(2 / 3 - 1 / 2)
    assert found["x", "missing", ""].distance == 0.0
    length = found["x", "length", ""]
    assert (length.distance, length.at, length.drifted) == (pytest.approx(1 / 3), 1.0, True)
    assert length.detail == "values in a row at most 1: was 66.7%, is 33.3%"


def test_id_columns_are_detected():
    found = drift(flights(300, 1), flights(300, 2))
    mine = [(row.measure, row.role, row.drifted) for row in found.rows if row.feature == "id"]
    assert sorted(mine) == [("missing", "id", False), ("repeated", "id", False)]


def test_repeated_ids():
    one, two = flights(300, 1), flights(300, 2)
    again = pa.concat_tables([two[:280], two[:20]])
    found = by_key(drift(one, again))
    assert found["id", "repeated", ""].role == "id"
    assert found["id", "repeated", ""].distance == pytest.approx(20 / 300)
    assert found["id", "repeated", ""].drifted and found["(rows)", "repeated", ""].drifted


def test_a_role_overrides_the_detection_of_ids():
    numbered = {"key": list(range(200)), "x": [0.5] * 200}
    later = {"key": list(range(200, 400)), "x": [0.5] * 200}
    assert not drift(numbered, later).drifted
    told = drift(numbered, later, replace(ALONE, roles={"key": "feature"}))
    assert ("key", "kolmogorov_smirnov", "") in drifted(told)
    few = {"key": list(range(50))}, {"key": list(range(50, 100))}  # too few values to detect an id
    assert ("key", "kolmogorov_smirnov", "") in drifted(drift(*few))
    assert not drift(*few, replace(ALONE, roles={"key": "id"})).drifted


def test_unique_measurements_are_not_taken_for_ids():
    random = np.random.default_rng(0)
    found = drift({"x": random.normal(size=300)}, {"x": random.normal(3, size=300)})
    assert ("x", "kolmogorov_smirnov", "") in drifted(found)


def airports(late_jfk: int) -> dict:
    """1,000 rows each of EWR and JFK; 200 rows of EWR are late."""
    return {
        "origin": ["EWR"] * 1000 + ["JFK"] * 1000,
        "late": ["1"] * 200 + ["0"] * 800 + ["1"] * late_jfk + ["0"] * (1000 - late_jfk),
    }


def test_drift_in_one_slice_is_detected():
    rules = DriftThresholds(thresholds={"late": 0.06})
    plan = replace(ALONE, rules=rules, slices=[["origin"]], roles={"late": "label"})
    found = drift(airports(200), airports(320), plan)
    whole, jfk = (by_key(found)["late", "chebyshev", where] for where in ("", "origin=JFK"))
    # 0.06 in all rows is not above the threshold; 0.12 at JFK is not above 0.06 + 0.06.
    assert (whole.distance, whole.drifted) == (pytest.approx(0.06), False)
    assert (jfk.distance, jfk.threshold, jfk.drifted) == (pytest.approx(0.12), pytest.approx(0.12), False)
    more = drifted(drift(airports(200), airports(330), plan))
    assert {("late", "chebyshev", ""), ("late", "chebyshev", "origin=JFK")} <= more
    assert "origin=EWR" not in {slice_ for _, _, slice_ in more}


def test_crosses_and_slices_that_are_missing():
    one = {"a": ["x", None] * 300, "b": ["u"] * 600, "v": [1.0, 2.0] * 300}
    found = drift(one, one, replace(ALONE, slices=[["a"], ["a", "b"]], min_slice_rows=300))
    assert {row.slice for row in found.rows} == {
        "", "a=x", "a=(missing)", "a=x, b=u", "a=(missing), b=u",
    }  # fmt: skip


@pytest.mark.slow
def test_drift_of_the_joint_distribution():
    random = np.random.default_rng(7)
    x = random.normal(size=2000).round(2)
    before = {"x": x, "y": x + random.normal(0, 0.3, 2000).round(2), "z": random.normal(size=2000).round(2)}
    after = {**before, "y": random.permutation(before["y"])}
    same, found = drift(before, before, DriftConfig()), drift(before, after, DriftConfig())
    assert not same.drifted
    assert by_key(same)["(columns)", "joint", ""].p_value > 0.01
    assert drifted(found) == {("(columns)", "joint", "")}
    assert set(found.rows[0].at.split(" x ")) == {"x", "y"}


def test_schema_adds_thresholds_and_types():
    schema = text_format.Parse(
        """
        feature { name: "weekday" type: INT int_domain { is_categorical: true }
                  drift_comparator { infinity_norm { threshold: 0.25 } } }
        feature { name: "note" type: BYTES }
        """,
        schema_pb2.Schema(),
    )
    plan = DriftConfig(roles={"weekday": "feature"}, others="carry", joint_rows=0).with_schema(schema)
    assert (plan.categorical, plan.carried, plan.rules.thresholds) == (("weekday",), ("note",), {"weekday": 0.25})
    one = {"weekday": [1, 2] * 300, "note": ["a"] * 600, "new": ["a"] * 600}
    other = {"weekday": [1, 2, 2] * 200, "note": ["b"] * 600, "new": ["b"] * 600}
    found = drift(one, other, plan)
    moved = by_key(found)["weekday", "chebyshev", ""]
    assert (moved.distance, moved.at, moved.effect) == (pytest.approx(1 / 6), "1", 0.25)
    assert not moved.drifted
    # A carried column is skipped; an unexpected one is compared.
    assert {row.feature for row in found.rows} == {"weekday", "new", "(rows)"}


def test_plan_is_unchanged_after_serialisation():
    plan = DriftConfig(
        DriftThresholds("fixed", 0.05, thresholds={"é": 0.5}, divergences={"x": 0.1}),
        roles={"late": "label"},
        categorical=["weekday"],
        texts=["essay"],
        carried=["note"],
        slices=[["a"], ["a", "b"]],
    )
    assert DriftConfig.from_json(plan.to_json()) == plan


def test_columns_of_a_wide_table_are_sampled_for_the_joint_test():
    names = [f"c{number:03d}" for number in range(300)]
    drawn = _sampled_names(names, seed=1)
    assert len(drawn) == JOINT_COLUMNS
    assert drawn == sorted(set(drawn))  # in order and without duplicates
    assert drawn == _sampled_names(names, seed=1) != _sampled_names(names, seed=2)
    assert _sampled_names(names[:JOINT_COLUMNS], seed=1) == names[:JOINT_COLUMNS]
