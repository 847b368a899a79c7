"""The folder of the demo, its settings and its months."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from components.shared.errors import UsageError
from data.flights import write_spans
from pipeline.demo.flights_year import load_year, with_wrong_label, write_months
from pipeline.demo.plan import SETTINGS, Plan
from pipeline.demo.project import DATA, Project, with_settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCHEMAS = Path(__file__).parents[3] / "schemas" / "flights"


@pytest.fixture(scope="module")
def flights():
    return load_year()


def test_the_settings_are_those_of_the_flights_with_the_changes_of_the_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(SCHEMAS.parents[1])
    config = Project(tmp_path / "demo").make()
    assert config.data.directory == DATA
    assert config.canary.required == ("errors", "metric")
    text = (SCHEMAS / "pipeline.toml").read_text()
    before, after = tomllib.loads(text), tomllib.loads(with_settings(text))
    changed = {table for table in after if after[table] != before.get(table)}
    assert changed == {*SETTINGS}


def test_only_a_folder_of_a_demo_is_emptied(tmp_path, monkeypatch):
    monkeypatch.chdir(SCHEMAS.parents[1])
    folder = tmp_path / "demo"
    Project(folder).make()
    (folder / "runs").mkdir()
    Project(folder).make()
    assert not (folder / "runs").exists()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="theirs: is not empty, and no demo made it; give another --folder"):
        Project(theirs).make()
    assert (theirs / "letter.txt").read_text() == "dear"
    with pytest.raises(UsageError, match="letter.txt: is no folder"):
        Project(theirs / "letter.txt").make()


def test_the_months_are_the_spans_of_the_flights(flights, tmp_path):
    write_months(tmp_path / "months", flights, (1, 12))
    write_spans(tmp_path / "spans")
    records = {
        one["span"]: one["sha256"] for one in json.loads((tmp_path / "spans" / "spans.json").read_text())["spans"]
    }
    for month in (1, 12):
        content = (tmp_path / "months" / f"span-{month:02d}.csv").read_bytes()
        assert hashlib.sha256(content).hexdigest() == records[month]


def test_a_wrong_label_counts_from_the_first_minute(flights):
    late, wrong = flights["late"], with_wrong_label(flights)["late"]
    assert late.isna().equals(wrong.isna())
    assert wrong[late == 1].eq(1).all()
    delays = flights.loc[(late == 0) & (wrong == 1), "arr_delay"]
    assert (delays.min(), delays.max()) == (1, 15)


def test_a_sample_of_the_flights_keeps_whole_rows():
    every, tenth = load_year(), load_year(every=10)
    assert 0.09 < len(tenth) / len(every) < 0.11
    assert set(tenth["row_id"]) < set(every["row_id"])
    assert Plan().every == 1
