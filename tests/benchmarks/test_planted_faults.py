"""Each fault does what it says, and only that. On the committed sample: 1,000 flights of April."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.planted_cells import DAY
from benchmarks.planted_faults import AIRCRAFT, all_faults, read_rows, share_touched, stricter_labels

SAMPLE = Path("data/sample/flights")
ROWS = read_rows(SAMPLE / "span-04.csv")
STRANGERS = read_rows(SAMPLE / "span-03.csv")
# Every second late flight is no longer late: what the faults do with the labels they are given does not hang on which.
LABELS = ROWS.set_index("row_id")["late"].where(np.arange(len(ROWS)) % 2 == 0, 0)
FAULTS = {fault.name: fault for fault in all_faults(STRANGERS, LABELS)}

# What a fault may change: columns, where rows stay; the others change which rows there are.
IN_COLUMNS = {
    "temperature_in_celsius": ["temp"],
    "wind_in_kmh_at_one_airport": ["wind_speed"],
    "clock_an_hour_late": ["sched_dep"],
    "one_carrier_in_utc": ["sched_dep"],
    "week_begins_on_sunday": ["day_of_week"],
    "temperature_rounded": ["temp"],
    "seats_clipped_at_a_byte": ["seats"],
    "extra_zero_in_a_few_rows": ["distance"],
    "decimal_comma": ["temp"],
    "missing_at_one_airport": ["humid"],
    "sentinel_for_missing": ["pressure"],
    "zero_for_missing": ["wind_dir"],
    "sensor_stuck_at_full": ["visib"],
    "stale_feed_for_five_days": ["dewp"],
    "carrier_merged_into_another": ["carrier"],
    "carrier_renamed": ["carrier"],
    "new_category": ["dest"],
    "case_of_one_category": ["manufacturer"],
    "padded_with_a_space": ["dest"],
    "utf8_read_as_latin1": ["model"],
    "text_cut_at_sixteen": ["manufacturer"],
    "two_columns_swapped": ["temp", "dewp"],
    "two_columns_swapped_in_a_tenth": ["sched_dep", "sched_arr"],
    "column_shuffled": ["dewp"],
    "aircraft_of_other_rows": AIRCRAFT,
    "relation_reversed_at_one_airport": ["dewp"],
    "label_flipped_in_one_slice": ["late"],
    "label_definition_stricter": ["late"],
    "concept_reversed_at_one_airport": ["late"],
    "leak_in_an_old_column": ["humid"],
}
IN_ROWS = {
    "category_vanishes",
    "one_hour_sent_twice",
    "ids_sent_again",
    "airport_down_for_a_week",
    "last_days_not_delivered",
    "rows_of_another_month",
    "prior_shift",
}
IN_THE_SET_OF_COLUMNS = {"column_removed", "leak_in_a_new_column"}
SAME_MARGINALS = {
    "column_shuffled": ["dewp"],
    "aircraft_of_other_rows": AIRCRAFT,
    "relation_reversed_at_one_airport": ["dewp"],
    "concept_reversed_at_one_airport": ["late"],
    "leak_in_an_old_column": ["humid"],
}


def planted(name, rows=ROWS, seed=7):
    return FAULTS[name].plant(rows, np.random.default_rng(seed))


def sorted_values(column):
    return column.sort_values(na_position="last").reset_index(drop=True)


def test_there_are_at_least_28_and_every_one_is_described_here():
    assert len(FAULTS) >= 28
    assert FAULTS.keys() == IN_COLUMNS.keys() | IN_ROWS | IN_THE_SET_OF_COLUMNS
    assert all(fault.stands_for.endswith(".") for fault in FAULTS.values())


@pytest.mark.parametrize("name", FAULTS)
def test_same_seed_same_fault_and_the_input_stays_as_it_was(name):
    before = ROWS.copy(deep=True)
    first, second = planted(name), planted(name)
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(ROWS, before)
    assert 0 < share_touched(ROWS, first) <= 1


@pytest.mark.parametrize("name", IN_COLUMNS)
def test_only_its_columns_change(name):
    after = planted(name)
    others = [column for column in ROWS if column not in IN_COLUMNS[name]]
    pd.testing.assert_frame_equal(after[others], ROWS[others])
    for column in IN_COLUMNS[name]:
        assert not after[column].equals(ROWS[column])


@pytest.mark.parametrize("name", sorted(IN_ROWS))
def test_rows_that_stay_are_as_they_were(name):
    after = planted(name)
    kept = after[~after.index.duplicated() & after.index.isin(ROWS.index)]
    pd.testing.assert_frame_equal(kept, ROWS.loc[kept.index])


@pytest.mark.parametrize("name", SAME_MARGINALS)
def test_a_column_whose_values_only_change_places_keeps_its_distribution(name):
    after = planted(name)
    for column in SAME_MARGINALS[name]:
        pd.testing.assert_series_equal(sorted_values(after[column]), sorted_values(ROWS[column]))


def test_units_and_clocks():
    row = pd.DataFrame(
        {"temp": [212.0, 32.0], "wind_speed": [10.0, 10.0], "sched_dep": [1410, 0], "day_of_week": [7, 1]}
    )
    row = row.assign(origin=["LGA", "JFK"], carrier=["US", "AA"])
    assert planted("temperature_in_celsius", row)["temp"].tolist() == [100.0, 0.0]
    assert planted("wind_in_kmh_at_one_airport", row)["wind_speed"].tolist() == [16.09344, 10.0]
    assert planted("clock_an_hour_late", row)["sched_dep"].tolist() == [30, 60]
    assert planted("one_carrier_in_utc", row)["sched_dep"].tolist() == [1650 - DAY, 0]
    assert planted("week_begins_on_sunday", row)["day_of_week"].tolist() == [1, 2]


def test_texts():
    rows = pd.DataFrame(
        {
            "model": ["737-8H4", "737-8H4", None],
            "carrier": ["WN", "UA", "WN"],
            "dest": ["ATL", "ATL", "BWI"],
            "manufacturer": ["MCDONNELL DOUGLAS", "BOEING", None],
        },
        dtype="string",
    )
    damaged = planted("utf8_read_as_latin1", rows)["model"]
    assert damaged[0] == "737\xe2\x80\x938H4" and damaged[0].encode("latin-1").decode() == "737\u20138H4"
    assert damaged[1] == "737-8H4" and damaged.isna().tolist() == [False, False, True]
    assert planted("padded_with_a_space", rows)["dest"].tolist() == ["ATL ", "ATL", "BWI "]
    assert planted("text_cut_at_sixteen", rows)["manufacturer"].tolist()[:2] == ["MCDONNELL DOUGLA", "BOEING"]
    assert planted("case_of_one_category", rows)["manufacturer"].tolist()[:2] == ["McDonnell Douglas", "BOEING"]


def test_missing_values():
    at_jfk = ROWS["origin"] == "JFK"
    holes = planted("missing_at_one_airport")["humid"].isna()
    assert holes[~at_jfk].equals(ROWS["humid"].isna()[~at_jfk])
    assert 0.2 < holes[at_jfk].mean() < 0.4
    absent = ROWS["pressure"].isna()
    assert (planted("sentinel_for_missing")["pressure"][absent] == -999).all()
    zeros = planted("zero_for_missing")["wind_dir"]
    assert zeros.notna().all() and zeros.dtype == ROWS["wind_dir"].dtype
    stuck = planted("sensor_stuck_at_full")["visib"]
    assert set(stuck.dropna()) == {10.0} and stuck.isna().equals(ROWS["visib"].isna())


def test_a_decimal_comma_is_in_one_per_cent_of_the_rows():
    after = planted("decimal_comma")
    commas = after["temp"].str.contains(",").fillna(False)
    assert commas.sum() == 10
    assert share_touched(ROWS, after) == 0.01
    back = after["temp"].str.replace(",", ".").astype("Float64")
    pd.testing.assert_series_equal(back, ROWS["temp"])


def test_the_stale_feed_repeats_its_last_value():
    after = planted("stale_feed_for_five_days")
    stale = (ROWS["origin"] == "EWR") & ROWS["day"].between(20, 24)
    last = ROWS.loc[(ROWS["origin"] == "EWR") & (ROWS["day"] < 20), "dewp"].dropna().iloc[-1]
    assert stale.any() and set(after.loc[stale, "dewp"]) == {last}
    assert after.loc[~stale, "dewp"].equals(ROWS.loc[~stale, "dewp"])


def test_rows_come_and_go():
    twice = planted("one_hour_sent_twice")
    again = twice[twice.index.duplicated()]
    assert again["day"].nunique() == 1 and (again["sched_dep"] // 60).nunique() == 1
    assert twice.duplicated().sum() == len(again) > 0
    repeated = planted("ids_sent_again")
    assert repeated["row_id"].duplicated().sum() == 30
    assert planted("last_days_not_delivered")["day"].max() == ROWS["day"].max() - 2
    assert "FL" in set(ROWS["carrier"]) and "FL" not in set(planted("category_vanishes")["carrier"])
    mixed = planted("rows_of_another_month")
    assert mixed["row_id"].isin(STRANGERS["row_id"]).sum() == 100 and len(mixed) == len(ROWS)


def test_columns_that_swap_places():
    whole = planted("two_columns_swapped")
    assert whole["temp"].equals(ROWS["dewp"].rename("temp")) and whole["dewp"].equals(ROWS["temp"].rename("dewp"))
    part = planted("two_columns_swapped_in_a_tenth")
    moved = part["sched_dep"] != ROWS["sched_dep"]
    assert 0.09 < moved.mean() <= 0.1
    assert (part["sched_dep"] == ROWS["sched_arr"])[moved].all() and (part["sched_arr"] == ROWS["sched_dep"])[
        moved
    ].all()


def test_the_relation_is_reversed_at_one_airport_and_kept_at_the_others():
    after = planted("relation_reversed_at_one_airport")
    at_jfk = ROWS["origin"] == "JFK"
    assert ROWS.loc[at_jfk, ["temp", "dewp"]].corr("spearman").iloc[0, 1] > 0.2
    assert after.loc[at_jfk, ["temp", "dewp"]].corr("spearman").iloc[0, 1] < -0.95
    assert sorted_values(after.loc[at_jfk, "dewp"]).equals(sorted_values(ROWS.loc[at_jfk, "dewp"]))


def test_aircraft_move_as_a_whole():
    after = planted("aircraft_of_other_rows")
    of_model = ROWS.dropna(subset=["model"]).groupby("model")["manufacturer"].agg(set)
    assert after.dropna(subset=["model"]).groupby("model")["manufacturer"].agg(set).equals(of_model)
    assert 0.1 < share_touched(ROWS, after) <= 0.2


def test_labels():
    flipped, at_wn = planted("label_flipped_in_one_slice")["late"], ROWS["carrier"] == "WN"
    assert (flipped[at_wn] == 1 - ROWS["late"][at_wn]).all() and flipped[~at_wn].equals(ROWS["late"][~at_wn])
    fewer = planted("prior_shift")
    assert (fewer["late"] == 0).sum() == (ROWS["late"] == 0).sum()
    assert 0.1 < 1 - (fewer["late"] == 1).sum() / (ROWS["late"] == 1).sum() < 0.3
    turned, at_ewr = planted("concept_reversed_at_one_airport")["late"], ROWS["origin"] == "EWR"
    assert turned[at_ewr].sum() == ROWS["late"][at_ewr].sum() and turned[~at_ewr].equals(ROWS["late"][~at_ewr])
    assert ROWS.loc[at_ewr, "sched_dep"].corr(ROWS["late"][at_ewr]) > 0
    assert ROWS.loc[at_ewr, "sched_dep"].corr(turned[at_ewr]) < 0


def test_leaks():
    assert planted("leak_in_a_new_column")["compensation_due"].equals(ROWS["late"].rename("compensation_due"))
    after = planted("leak_in_an_old_column")
    assert abs(ROWS["humid"].corr(ROWS["late"])) < 0.3 < after["humid"].corr(after["late"])


def test_share_touched():
    before = pd.DataFrame({"a": [1, 2, 3, 4]}, dtype="Int64")
    assert share_touched(before, before) == 0
    assert share_touched(before, before.assign(a=pd.array([1, 2, 3, None], dtype="Int64"))) == 0.25
    assert share_touched(before, before.iloc[:3]) == 0.25
    assert share_touched(before, pd.concat([before, before.iloc[:2]])) == 0.5
    assert share_touched(before, pd.concat([before.iloc[:2], before.iloc[2:].set_axis([-1, -2])])) == 0.5
    assert share_touched(before, before.assign(b=1)) == 1


@pytest.mark.slow
def test_the_stricter_label_makes_flights_on_time_and_none_late():
    stricter = stricter_labels().reindex(ROWS["row_id"]).to_numpy()
    assert not ((stricter == 1) & (ROWS["late"] == 0).to_numpy()).any()
    assert 0.01 < ((stricter == 0) & (ROWS["late"] == 1).to_numpy()).mean() < 0.08


def test_written_and_read_again_a_fault_is_the_same(tmp_path):
    path = tmp_path / "utf8.csv"
    after = planted("utf8_read_as_latin1")
    after.to_csv(path, index=False, encoding="utf-8")
    assert read_rows(path)["model"].equals(after["model"].reset_index(drop=True))
