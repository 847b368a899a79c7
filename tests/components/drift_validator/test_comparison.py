import numpy as np
import pytest

from components.drift_validator.comparison import COLUMNS, ROWS, compare_sketches
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.sketches.sketch import ColumnSketch, TableSketch
from components.drift_validator.thresholds import DriftThresholds
from tests.components.drift_validator.distributions import categories, numbers


def column(name, distribution, missing=0):
    return ColumnSketch(name, int(distribution.counts.sum()) + missing, missing, distribution)


def table(*columns, **options):
    return TableSketch(columns[0].rows if columns else 0, {one.name: one for one in columns}, **options)


def by_key(rows):
    return {(row.feature, row.measure, row.slice): row for row in rows}


COLOR = column("color", categories({"blue": 600, "red": 400}))
REDDER = column("color", categories({"blue": 500, "red": 500}))


def test_every_measure_of_every_column():
    tall = column("height", numbers(np.arange(1000) / 10))
    found = by_key(compare_sketches(table(COLOR, tall), table(REDDER, tall), DriftThresholds()))
    assert set(found) == {
        *(("color", measure, "") for measure in ("chebyshev", "missing", "unseen", "vanished")),
        *(
            ("height", measure, "")
            for measure in ("kolmogorov_smirnov", "missing", "out_of_range", "range_lost", "decimals")
        ),
    }
    moved = found["color", "chebyshev", ""]
    assert (moved.distance, moved.at, moved.drifted) == (pytest.approx(0.1), "blue", True)
    assert (moved.baseline_share, moved.current_share) == (0.6, 0.5)
    assert not any(row.drifted for key, row in found.items() if key[0] == "height")


def test_a_column_that_one_side_lacks():
    other = column("height", numbers(range(1000)))
    gone = compare_sketches(table(COLOR, other), table(COLOR), DriftThresholds())
    new = compare_sketches(table(COLOR), table(COLOR, other), DriftThresholds())
    for rows, side, missing in ((gone, "current data", 1.0), (new, "baseline", 0.0)):
        (row,) = [row for row in rows if row.feature == "height"]
        assert (row.measure, row.distance, row.drifted) == ("missing", 1.0, True)
        assert (row.detail, row.current_share) == (f"no column of the {side}", missing)


def test_only_missing_and_repeated_values_of_an_id_are_compared():
    before = column("id", categories({f"a{i}": 1 for i in range(1000)}))
    after = column("id", categories({f"b{i}": 2 if i < 250 else 1 for i in range(750)}))
    found = by_key(compare_sketches(table(before), table(after), DriftThresholds(), {"id": "id"}))
    assert set(found) == {("id", "missing", ""), ("id", "repeated", "")}
    repeated = found["id", "repeated", ""]
    assert (repeated.distance, repeated.drifted, repeated.role) == (0.25, True, "id")
    assert repeated.detail == "an id that an earlier row has: was 0.00%, is 25.00%"


def test_an_id_without_values_or_of_a_nested_type():
    nothing = ColumnSketch("id", 10, 10, categories({}))
    nested = ColumnSketch("id", 10, 0, None)
    for one in (nothing, nested):
        rows = compare_sketches(table(one), table(one), DriftThresholds(), {"id": "id"})
        assert [row.measure for row in rows] == ["missing"]
        assert not rows[0].drifted


def test_duplicate_rows_and_joint_distribution_have_their_own_rows():
    joint = DistanceResult("joint", 0.3, p_value=1e-9, detail="together")
    rows = compare_sketches(table(COLOR, repeated=0.0), table(COLOR, repeated=0.5), DriftThresholds(), joint=joint)
    found = by_key(rows)
    assert (found[COLUMNS, "joint", ""].drifted, found[COLUMNS, "joint", ""].role) == (True, "table")
    assert (found[ROWS, "repeated", ""].drifted, found[ROWS, "repeated", ""].distance) == (True, 0.5)
    uncounted = compare_sketches(table(COLOR, repeated=None), table(COLOR, repeated=0.5), DriftThresholds())
    assert ROWS not in {row.feature for row in uncounted}


def test_only_slices_with_enough_rows_in_both_data_sets_are_compared():
    slices = {"origin=EWR": table(COLOR), "origin=JFK": table(column("color", categories({"blue": 120, "red": 79})))}
    before = table(COLOR, slices={**slices, "origin=LGA": table(COLOR)})
    after = table(COLOR, slices={"origin=EWR": table(REDDER), "origin=JFK": table(REDDER)})
    rows = compare_sketches(before, after, DriftThresholds(), min_slice_rows=200)
    assert {row.slice for row in rows} == {"", "origin=EWR"}  # JFK has 199 rows in one data set, LGA none
    assert [(row.slice, row.measure) for row in rows if row.drifted] == [
        ("origin=EWR", "chebyshev"),
    ]
    assert {row.slice for row in compare_sketches(before, after, DriftThresholds(), min_slice_rows=199)} == {
        "", "origin=EWR", "origin=JFK",
    }  # fmt: skip


def test_default_role_is_feature():
    rows = compare_sketches(table(COLOR), table(REDDER), DriftThresholds(), {"color": "label"})
    assert {row.role for row in rows} == {"label"}
    assert {row.role for row in compare_sketches(table(COLOR), table(REDDER), DriftThresholds())} == {"feature"}


def test_divergence_is_measured_only_with_a_threshold():
    assert "jensen_shannon" not in {
        row.measure for row in compare_sketches(table(COLOR), table(REDDER), DriftThresholds())
    }
    rules = DriftThresholds(divergences={"color": 0.001})
    found = by_key(compare_sketches(table(COLOR), table(REDDER), rules))
    # (KL((.6 .4) || (.55 .45)) + KL((.5 .5) || (.55 .45))) / 2 in bits
    assert found["color", "jensen_shannon", ""].distance == pytest.approx(0.0073, abs=0.0001)
    assert found["color", "jensen_shannon", ""].drifted


def test_nothing_to_compare():
    assert compare_sketches(TableSketch(0, {}), TableSketch(0, {}), DriftThresholds()) == []
