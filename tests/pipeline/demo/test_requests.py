"""The requests of the demo, and the labels that become known with event time."""

from datetime import date, datetime, timezone

import orjson
import pandas as pd
import pytest

from pipeline.demo.labels import KnownLabels
from pipeline.demo.requests import by_day, requests_of

FIVE = pd.Timestamp("2013-09-02 05:00", tz="UTC")
SIX = pd.Timestamp("2013-09-02 06:00", tz="UTC")


@pytest.fixture
def flights() -> pd.DataFrame:
    """Five flights at five o'clock, one at six, one on the next day; two of them have no arrival."""
    asked = [FIVE] * 5 + [SIX, FIVE + pd.Timedelta(days=1)]
    known = [FIVE + pd.Timedelta(hours=3)] * 4 + [pd.NaT, SIX + pd.Timedelta(hours=25), pd.NaT]
    late = pd.array([0, 1, 0, 1, None, 1, None], "Int64")
    columns = {"carrier": list("ABCDEFG"), "seats": pd.array([1, 2, 3, 4, 5, None, 7], "Int64")}
    return pd.DataFrame({"asked": asked, "known": known, "late": late, "temp": [50.0, None] * 3 + [60.0], **columns})


def test_the_flights_of_an_hour_are_split_into_requests(flights):
    (_, today), (_, tomorrow) = by_day(flights, date(2013, 9, 2), date(2013, 9, 3))
    asked = requests_of(today, ["carrier", "seats", "temp"], size=2)
    assert [one.id for one in asked.requests] == [f"20130902T05-{n:03d}" for n in range(3)] + ["20130902T06-000"]
    assert {one.asked for one in asked.requests} == {FIVE, SIX}
    sent = [row for one in asked.requests for row in orjson.loads(one.body)["instances"]]
    assert sorted(row["carrier"] for row in sent) == list("ABCDEF")
    assert {"carrier": "F", "temp": None} not in sent and {"carrier": "F"} in sent  # missing values are left out
    assert {"carrier": "A", "seats": 1, "temp": 50.0} in sent
    rows = asked.rows.set_index(["request_id", "row"])
    assert len(rows) == 6 and rows.index.is_unique
    for one in asked.requests:  # a label belongs to the row that was sent
        for place, row in enumerate(orjson.loads(one.body)["instances"]):
            late = rows.loc[(one.id, place), "late"]
            assert (
                pd.isna(late)
                if row["carrier"] == "E"
                else late == {"A": 0, "B": 1, "C": 0, "D": 1, "F": 1}[row["carrier"]]
            )
    assert len(requests_of(tomorrow, ["carrier"], size=2).requests) == 1


def test_the_order_within_an_hour_depends_on_the_seed_alone(flights):
    one, same, other = (requests_of(flights, ["carrier"], 2, seed) for seed in (1, 1, 2))
    assert one.requests == same.requests
    assert [request.body for request in one.requests] != [request.body for request in other.requests]


def test_a_label_is_written_once_when_it_is_known(flights, tmp_path):
    labels = KnownLabels(tmp_path / "labels")
    assert labels.file(datetime(2014, 1, 1, tzinfo=timezone.utc)) is None  # nothing was asked
    labels.add(requests_of(flights, ["carrier"], 2).rows)
    assert labels.file(datetime(2013, 9, 2, 7, tzinfo=timezone.utc)) is None
    path, rows = labels.file(datetime(2013, 9, 2, 8, tzinfo=timezone.utc))
    assert sorted(rows["late"]) == [0, 0, 1, 1]
    written = pd.read_csv(path)
    assert list(written) == ["request_id", "row", "late", "label_time"]
    assert set(written["label_time"]) == {"2013-09-02T08:00:00Z"}
    assert labels.file(datetime(2013, 9, 2, 9, tzinfo=timezone.utc)) is None
    last, rows = labels.file(datetime(2014, 1, 1, tzinfo=timezone.utc))
    assert last != path and len(rows) == 1  # flights without an arrival never have a label
