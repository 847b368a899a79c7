"""Causes: value, slice, source and upstream column of planted changes."""

import numpy as np
import pyarrow as pa
import pytest

from monitor.alarms.attribution import Rows, causes
from monitor.alarms.binned_change import coded, counts, distance, most
from monitor.alarms.lineage import Lineage
from monitor.incident import Alarm


@pytest.fixture
def alarm(skew):
    """Column -> an alarm of its skew."""
    return lambda subject, effect=0.5, **more: Alarm(1, skew(effect, subject, **more), 100.0, 10.0, 2)


def table(rows, seed):
    rng = np.random.default_rng(seed)
    return {
        "origin": rng.choice(["EWR", "JFK", "LGA"], rows),
        "carrier": rng.choice(["UA", "AA", "DL", "B6"], rows),
        "distance": rng.gamma(2.0, 500.0, rows),
        "temp": rng.normal(10.0, 5.0, rows),
    }


def test_the_distance_by_hand():
    # 50 and 90 of 100 each in the first of two bins: 0.4, less sqrt(2 / pi) sqrt(0.7 * 0.3 * 2 / 100).
    found = distance(np.array([50, 50]), np.array([90, 10]))
    assert found == pytest.approx(0.4 - np.sqrt(2 / np.pi) * np.sqrt(0.7 * 0.3 * 0.02))
    assert distance(np.array([50, 50]), np.array([50, 50])) == 0
    assert distance(np.array([0, 0]), np.array([50, 50])) == 0


def test_missing_values_and_new_values_have_bins():
    codes = coded(pa.chunked_array([["a", None, "b"]]), pa.chunked_array([["a", "a", "c"]]))
    current, reference = counts(codes)
    assert dict(zip(codes.names, zip(current, reference, strict=True), strict=True)) == {
        "a": (1, 2), "b": (1, 0), "c": (0, 1), "other values": (0, 0), "missing": (1, 0),
    }  # fmt: skip
    numbers = coded(pa.chunked_array([[0.0, None, 5.0]]), pa.chunked_array([[1.0, 2.0, 3.0]]))
    current, _ = counts(numbers)
    assert (current[0], current[-1], current[-2]) == (1, 1, 1)
    assert most(numbers) in numbers.names


def test_the_slice_of_a_change_is_named(alarm):
    now, then = table(4000, 1), table(8000, 2)
    now["distance"] = np.where(now["origin"] == "EWR", now["distance"] * 1.6, now["distance"])
    (cause,) = causes([alarm("distance")], {}, Rows(pa.table(now), pa.table(then)))
    assert (cause.subject, cause.slice) == ("distance", "origin=EWR") and cause.share > 0.6


def test_a_change_everywhere_has_no_slice(alarm):
    now, then = table(4000, 1), table(8000, 2)
    now["distance"] = now["distance"] * 1.6
    (cause,) = causes([alarm("distance")], {}, Rows(pa.table(now), pa.table(then)))
    assert cause.slice == "" and cause.at


@pytest.mark.parametrize("side", ["current", "reference"])
def test_the_source_of_a_change_is_named(alarm, side):
    now, then = table(4000, 1), table(8000, 2)
    sources = {"current": np.repeat(["1", "2", "3", "4"], 1000), "reference": np.repeat(["1", "2", "3", "4"], 2000)}
    changed = now if side == "current" else then
    changed["temp"] = np.where(sources[side] == "3", changed["temp"] * 1.8 + 32, changed["temp"])
    rows = Rows(pa.table(now), pa.table(then), **{f"{side}_sources": list(sources[side])})
    (cause,) = causes([alarm("temp")], {}, rows, Lineage(sources={"3": "span 3 (span-03.csv)"}))
    assert cause.source == "span 3 (span-03.csv)"


def test_derived_columns_are_one_cause_with_their_upstream_column(alarm):
    lineage = Lineage({"date_month": ("date",), "date_weekday": ("date",)})
    found = causes([alarm("date_weekday", 0.2), alarm("date_month", 0.6), alarm("dest", 0.3)], {}, None, lineage)
    assert [(one.subject, one.source) for one in found] == [("date_month", "column date"), ("dest", "")]


def test_columns_are_ordered_by_the_effect_beyond_the_usual(alarm, skew):
    usual = skew(0.0, "temp")
    state = {"streams": {usual.stream: {"groups": {"all": [30, 0.5, 0.01]}, "since": "2026-01-09"}}}
    found = causes([alarm("temp", 0.6), alarm("dest", 0.4), alarm("auc", 0.9, kind="performance")], state)
    assert [one.subject for one in found] == ["dest", "temp", "auc"]
    assert found[1].since == "2026-01-09"
