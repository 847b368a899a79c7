"""When flights are asked about, and when their label is known."""

import pandas as pd
import pytest

from data.flight_times import flight_times, load_zones
from data.flights import FlightsError, load_tables, package_data


@pytest.fixture(scope="module")
def times() -> pd.DataFrame:
    flights, _, _ = load_tables(package_data())
    return flight_times(flights, load_zones(package_data())).set_index("row_id")


@pytest.mark.parametrize(
    ("row_id", "asked", "known"),
    [
        # Scheduled 05:15 to 08:19 in Houston (UTC-6), 11 minutes late.
        ("UA-1545-EWR-IAH-20130101T0515", "2013-01-01 10:00", "2013-01-01 14:30"),
        # Scheduled 05:45 to 10:22 in Puerto Rico (UTC-4 all year), 18 minutes early.
        ("B6-725-JFK-BQN-20130101T0545", "2013-01-01 10:00", "2013-01-01 14:04"),
        # Scheduled 23:59 (UTC-4) to 03:44 of the next day, 22 minutes late.
        ("B6-1503-JFK-SJU-20130702T2359", "2013-07-03 03:00", "2013-07-03 08:06"),
    ],
)
def test_the_label_is_known_at_the_arrival(times, row_id, asked, known):
    found = times.loc[row_id]
    assert found["asked"] == pd.Timestamp(asked, tz="UTC")
    assert found["known"] == pd.Timestamp(known, tz="UTC")


def test_every_arrived_flight_has_a_time_that_is_possible(times):
    flights, _, _ = load_tables(package_data())
    assert times["known"].notna().tolist() == flights["arr_delay"].notna().tolist()
    hours = (times["known"] - times["asked"]).dt.total_seconds() / 3600
    assert hours.min() > 0.5  # the shortest flights take half an hour
    assert 3.0 < hours.median() < 3.5


def test_an_airport_without_a_time_zone_is_named(times):
    flights, _, _ = load_tables(package_data())
    with pytest.raises(FlightsError, match="airport IAH has no time zone in airports.csv"):
        flight_times(flights.head(1), {})
