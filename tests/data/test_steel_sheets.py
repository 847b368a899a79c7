"""Sheets and the defects on them, drawn without pixels."""

import numpy as np
import pandas as pd
import pytest

from data.steel_sheets import CLASSES, CONTRASTS, SHARES, SIZES, plan_span


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """20,000 photographs."""
    return plan_span(7, 1, 20_000).table


def test_shares_are_long_tailed_and_sum_to_1():
    assert sum(SHARES.values()) == pytest.approx(1)
    assert len(CLASSES) == 13 and set(SIZES) == set(CONTRASTS) == set(CLASSES) - {"none"}
    assert SHARES["none"] == max(SHARES.values()) and SHARES["hole"] == min(SHARES.values())


def test_drawn_shares_are_near_the_given_ones(table: pd.DataFrame):
    drawn = table["defect"].value_counts(normalize=True)
    assert 0.20 < drawn["none"] < 0.30 and 0.005 < drawn["hole"] < 0.015
    for name, share in SHARES.items():
        assert 0.6 * share < drawn[name] < 1.7 * share, name


def test_a_sheet_has_2_to_4_photographs_and_one_set_of_attributes(table: pd.DataFrame):
    whole = table[table["sheet"] < table["sheet"].max()].groupby("sheet")
    assert set(whole.size()) == {2, 3, 4}
    for name in ("line", "thickness_mm", "temperature_c", "shift"):
        assert (whole[name].nunique() == 1).all(), name
    assert table["sheet"].is_monotonic_increasing and set(whole["camera"].nunique()) == {1, 2}


def test_photographs_of_a_sheet_tend_to_show_the_same_defect(table: pd.DataFrame):
    same_sheet = table["sheet"].eq(table["sheet"].shift())
    same_defect = table["defect"].eq(table["defect"].shift())
    assert same_defect[same_sheet].mean() > same_defect[~same_sheet].mean() + 0.08


def test_line_thickness_and_temperature_tell_of_the_defect(table: pd.DataFrame):
    lines = pd.crosstab(table["line"], table["defect"], normalize="index")
    assert lines.loc["C", "rolled_in_scale"] > 1.8 * lines.loc["A", "rolled_in_scale"]
    assert lines.loc["A", "weld_line"] > 3 * lines.loc["B", "weld_line"]
    means = table.groupby("defect")[["thickness_mm", "temperature_c"]].mean()
    assert means.loc["crease", "thickness_mm"] < means.loc["none", "thickness_mm"] - 0.3
    assert means.loc["rolled_in_scale", "temperature_c"] > means.loc["none", "temperature_c"] + 8


def test_values_lie_in_their_ranges(table: pd.DataFrame):
    assert table["thickness_mm"].between(0.5, 8).all() and table["temperature_c"].between(480, 780).all()
    assert set(table["shift"]) == {"day", "night"} and set(table["camera"]) == {"c1", "c2"}
    assert table[["x", "y"]].abs().max().max() <= 0.3
    good = table["defect"] == "none"
    assert table.loc[good, ["size", "contrast"]].isna().all(axis=None)
    for name in SIZES:
        drawn = table[table["defect"] == name]
        assert drawn["size"].between(*SIZES[name]).all() and drawn["contrast"].between(*CONTRASTS[name]).all()
        assert np.ptp(drawn["size"]) > 0.8 * (SIZES[name][1] - SIZES[name][0])


def test_edge_cracks_and_some_others_show_an_edge(table: pd.DataFrame):
    cracked = table["defect"] == "edge_crack"
    assert set(table.loc[cracked, "edge"]) == {-1, 1}
    assert 0.06 < table.loc[~cracked, "edge"].ne(0).mean() < 0.10


@pytest.mark.parametrize("rows", [1, 2, 37])
def test_fewer_photographs_are_the_first_of_more(table: pd.DataFrame, rows: int):
    pd.testing.assert_frame_equal(plan_span(7, 1, rows).table, table[:rows])


def test_spans_and_seeds_differ():
    first, second, other = (plan_span(*key, 200).table for key in ((7, 1), (7, 2), (8, 1)))
    assert not first["defect"].equals(second["defect"]) and not first["defect"].equals(other["defect"])
