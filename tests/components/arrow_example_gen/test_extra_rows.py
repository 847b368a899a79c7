"""Extra rows of slices from older spans: selection, counts, fingerprint, artifact, errors."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from components.arrow_example_gen.extra_rows import ExtraRows, check_columns, check_taken, taken
from components.arrow_example_gen.source import Source
from components.shared.errors import ConfigError, InputError
from components.shared.examples.example_reading import read_examples
from components.table_reading.read_options import ReadOptions
from tests.components.arrow_example_gen.generating import generate

COLUMNS = {"id": "string", "origin": "string", "n": "int64", "ok": "bool", "y": "int64"}
JFK = ExtraRows({"origin": ("JFK",)}, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Spans 1 to 6 of 12 rows, a third of each from EWR, JFK and LGA; the first has no label."""
    spans = tmp_path / "spans"
    spans.mkdir()
    for span in range(1, 7):
        numbers = range(12)
        table = pd.DataFrame({"id": [f"{span}-{n}" for n in numbers], "origin": ["JFK", "EWR", "LGA"] * 4})
        table["n"], table["ok"] = list(numbers), [n < 6 for n in numbers]
        table["y"] = [None, *(n % 2 for n in range(1, 12))]
        table.astype({"y": "Int64"}).to_csv(spans / f"span-{span}.csv", index=False)
    return spans


def source(folder: Path, *extra: ExtraRows, **settings) -> Source:
    described = Source(str(folder), "span-{span}.csv", COLUMNS, "y", ["id"], 2, 0.3, ReadOptions(), extra=extra)
    return replace(described, **settings)


BATCH = pa.RecordBatch.from_pydict(
    {
        "origin": ["JFK", "EWR", None, "JFK", "LGA"],
        "n": pa.array([1, 2, 3, 2, 2]),
        "ok": [True, None, True, False, True],
        "y": pa.array([0, 1, 0, None, 1]),
    }
)


@pytest.mark.parametrize(
    ("extras", "rows", "counts"),
    [
        ([JFK], [0], [1]),  # the other matching row has no label
        ([ExtraRows({"n": ("2",)}, 1)], [1, 4], [2]),
        ([ExtraRows({"origin": ("EWR", "LGA"), "n": ("2",)}, 1)], [1, 4], [2]),
        # a row of both slices counts for the first
        ([ExtraRows({"origin": ("LGA",)}, 1), ExtraRows({"n": ("2", "1")}, 1)], [0, 1, 4], [1, 2]),
        ([ExtraRows({"ok": ("True",)}, 1)], [0, 2, 4], [3]),
        # only the second slice reaches back to this span
        ([ExtraRows({"origin": ("JFK",)}, 1), ExtraRows({"origin": ("EWR",)}, 2)], [1], [0, 1]),
    ],
)
def test_rows_are_selected_once(extras, rows, counts):
    before = max(extra.spans for extra in extras)
    found, by_extra = taken(BATCH, extras, before, "y")
    assert found.to_pydict() == BATCH.take(pa.array(rows)).to_pydict()
    assert by_extra.tolist() == counts


def test_the_spans_before_the_window(folder):
    window = source(folder, JFK, ExtraRows({"origin": ("EWR",)}, 1)).files(6)
    assert [(file.span, file.before) for file in window.files] == [(2, 2), (3, 1), (4, 0), (5, 0), (6, 0)]
    assert list(window.splits()) == ["train", "eval", "extra"]
    assert list(source(folder).files(6).splits()) == ["train", "eval"]


def test_missing_spans_are_an_error(folder):
    with pytest.raises(InputError, match=r"span 0, of which \[\[data.extra\]\] takes rows for span 4, does not exist"):
        source(folder, JFK).files(4)
    (folder / "span-2.csv").unlink()
    with pytest.raises(InputError, match="span 2, of which .* does not exist; available: 1, 3-6; reduce its `spans`"):
        source(folder, JFK).files(6)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"orign": ("JFK",)}, "'orign' is not in the schema; available: id, origin"),
        ({"n": ("many",)}, "'many' is not a valid int64, the type of 'n'"),
    ],
)
def test_invalid_slice_is_an_error(where, message):
    with pytest.raises(ConfigError, match=message):
        check_columns([ExtraRows(where, 1)], COLUMNS, "pipeline.toml")


def test_a_slice_of_lists_is_refused():
    with pytest.raises(ConfigError, match="holds lists"):
        check_columns([ExtraRows({"tags": ("a",)}, 1)], {"tags": "list:string"}, "pipeline.toml")


def test_a_slice_without_rows_is_refused():
    assert check_taken([JFK], [[1], [2]], "spans") == [3]
    with pytest.raises(InputError, match="no labelled row of the 2 spans before the window has origin = JFK"):
        check_taken([JFK], [[0], [0]], "spans")


def test_source_survives_json(folder):
    described = source(folder, JFK, ExtraRows({"n": ("2", "3")}, 1), steps='{"balance": {}}')
    assert Source.from_json(described.to_json()) == described


def test_fingerprint_depends_on_the_slices(folder):
    plain, more = source(folder), source(folder, JFK)
    assert plain.digest("abc", "train") == plain.digest("abc", "eval") == more.digest("abc", "train") == "abc"
    other = source(folder, ExtraRows({"origin": ("JFK",)}, 1))
    assert len({described.digest("abc", "extra") for described in (more, other)}) == 2
    stepped = source(folder, steps='{"balance": {}}')
    assert stepped.digest("abc", "train") != "abc" and stepped.digest("abc", "eval") == "abc"


@pytest.mark.slow
def test_extra_rows_are_a_separate_split(folder, tmp_path):
    plain = generate(source(folder), tmp_path / "plain")
    examples = generate(source(folder, JFK, steps='{"balance": {"method": "over"}}'), tmp_path / "out")
    assert json.loads(examples.split_names) == ["train", "eval", "extra"]
    said = {name: json.loads(examples.get_string_custom_property(name)) for name in ("rows", "spans", "extra", "steps")}
    assert said == {
        "rows": {"train": 22, "eval": 11, "extra": 6},
        "spans": {"train": [4, 5], "eval": [6], "extra": [2, 3]},
        "extra": [{"where": {"origin": ["JFK"]}, "spans": 2, "rows": 6}],
        "steps": {"balance": {"method": "over"}},
    }
    rows = read_examples(str(tmp_path / "out" / "Split-extra"), ["id", "origin"])
    assert rows["id"].tolist() == ["2-3", "2-6", "2-9", "3-3", "3-6", "3-9"]
    assert set(rows["origin"]) == {"JFK"}
    prints = {one.get_string_custom_property("data_fingerprint") for one in (plain, examples)}
    assert len(prints) == 2
    for split in ("train", "eval"):
        one, other = (read_examples(str(tmp_path / run / f"Split-{split}"), ["id", "n"]) for run in ("plain", "out"))
        assert one.equals(other)


@pytest.mark.slow
def test_slice_value_without_rows_is_an_error(folder, tmp_path):
    with pytest.raises(InputError, match="has origin = JFX, the slice of"):
        generate(source(folder, ExtraRows({"origin": ("JFX",)}, 1)), tmp_path / "out")
