"""Corrections: the file, errors, and parity of streaming with a pandas implementation."""

import datetime
import random
import string

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arrow_example_gen.corrections import CorrectionCounts, id_texts, load_corrections
from components.arrow_example_gen.corrections_file import Correction, corrections_csv, read_corrections
from components.shared.errors import ConfigError, InputError

COLUMNS = {
    "id": "string",
    "n": "int64",
    "x": "float64",
    "c": "string",
    "b": "bool",
    "d": "date",
    "t": "timestamp",
    "tags": "list:string",
    "y": "int64",
}
HEAD = "id,field,value,reason,by,when\n"


@pytest.fixture
def load(tmp_path):
    """load("a,y,1,,ann,2026-11-21", ...): Corrections, from lines below the header or from the bytes of a file."""

    def load(*lines: str, columns=COLUMNS, ids=("id",), content: bytes | None = None):
        path = tmp_path / "corrections.csv"
        path.write_bytes((HEAD + "".join(line + "\n" for line in lines)).encode() if content is None else content)
        return load_corrections(str(path), columns, ids, "y")

    return load


def by_ann(text: str) -> str:
    return f"{text},why,ann,2026-11-21"


def corrected(corrections, batch: pa.RecordBatch, applied: CorrectionCounts | None = None) -> list[dict]:
    return pa.Table.from_batches(corrections.apply([batch], applied)).to_pylist()


BATCH = pa.RecordBatch.from_pydict(
    {"id": ["a", "b", None, "b", "e"], "x": [1.5, 2.5, None, 2.5, 3.5], "y": [0, 0, 1, 1, None]},
    pa.schema([("id", pa.string()), ("x", pa.float64()), ("y", pa.int64())]),
)


def test_relabels_changes_and_drops(load):
    corrections = load(by_ann("b,y,1"), by_ann("b,x,"), by_ann("a,,drop"), by_ann("e,y,0"), by_ann("elsewhere,y,1"))
    applied = CorrectionCounts()
    assert corrected(corrections, BATCH, applied) == [
        {"id": "b", "x": None, "y": 1},
        {"id": None, "x": None, "y": 1},
        {"id": "b", "x": None, "y": 1},  # a repeated id: every row of it is corrected
        {"id": "e", "x": 3.5, "y": 0},  # a row without a label gets one
    ]
    # One of the two rows of b already had the corrected label.
    assert applied.counts == {"dropped": 1, "relabelled": 2, "changed": 2}
    assert [corrections.ids[place].as_py() for place in sorted(applied.matched)] == ["b", "a", "e"]
    assert corrections.about(applied.counts)["rows"] == 5


def test_batch_without_corrected_rows_is_unchanged(load):
    assert next(load(by_ann("z,y,1")).apply([BATCH])) is BATCH


def test_corrections_to_the_same_value_are_not_counted(load):
    applied = CorrectionCounts()
    corrected(load(by_ann("a,y,0"), by_ann("a,x,1.5")), BATCH, applied)
    assert (applied.counts, len(applied.matched)) == ({"dropped": 0, "relabelled": 0, "changed": 0}, 1)


def test_corrected_values_are_parsed_like_csv_cells(load):
    lines = {"n": "007", "x": "1e3", "c": " as it stands ", "b": "True", "d": "2013-01-02", "t": "2013-01-02T03:04Z"}
    edits = load(*(by_ann(f"a,{name},{value}") for name, value in lines.items())).edits
    assert {name: edit.values[0].as_py() for name, edit in edits.items()} == {
        "n": 7,
        "x": 1000.0,
        "c": " as it stands ",
        "b": True,
        "d": datetime.date(2013, 1, 2),
        "t": datetime.datetime(2013, 1, 2, 3, 4),
    }


def test_ids_of_several_columns_and_of_other_types(load):
    columns = {"carrier": "string", "flight": "int64", "day": "date", "y": "int64"}
    batch = pa.RecordBatch.from_pydict(
        {
            "carrier": ["UA", "UA", None],
            "flight": [7, 8, 7],
            "day": pa.array([0, 0, 1], pa.date32()),
            "y": [0, 0, 0],
        }
    )
    ids = ("carrier", "flight", "day")
    assert id_texts(batch, ids).to_pylist() == ["UA|7|1970-01-01", "UA|8|1970-01-01", "|7|1970-01-02"]
    corrections = load(
        by_ann("UA|007|1970-01-01,y,1"), by_ann("|7|1970-01-02,y,2"), by_ann("UA|7,y,3"), columns=columns, ids=ids
    )
    assert [row["y"] for row in corrected(corrections, batch)] == [1, 0, 2]
    assert corrections.ids.to_pylist()[2] == "UA|7"  # matches no row; preflight reports it


def test_file_without_rows_corrects_nothing(load):
    assert next(load().apply([BATCH])) is BATCH


def test_bom_empty_lines_and_quotes(load):
    text = "\ufeff" + HEAD + '\r\n,,,,,\n"a",c,"one, ""two""\nthree",,ann,2026-11-21 10:00\n'
    (row,) = load(content=text.encode()).file.rows.items()
    assert row == (4, Correction("a", "c", 'one, "two"\nthree', "", "ann", "2026-11-21 10:00"))


def test_undecided_rows_change_nothing(load):
    corrections = load("a,y,,audit: looks like 1,,", by_ann("b,y,1"), "e,late,,no such column yet,,")
    assert (list(corrections.file.rows), corrections.file.undecided) == ([3], 2)
    assert corrections.ids.to_pylist() == ["b"]


def test_the_same_correction_twice_is_one(load):
    corrections = load(by_ann("a,x,1.0"), by_ann("a,x,1"), by_ann("b,,drop"), by_ann("b,,drop"))
    assert (len(corrections.ids), corrections.edits["x"].values.to_pylist()) == (2, [1.0, None])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,z,1,,ann,2026-11-21"], "row 2: `field` is 'z', not a column of the schema; available: id, n, x"),
        (["a,id,b,,ann,2026-11-21"], "row 2: `field` is 'id', an id"),
        (["a,tags,b,,ann,2026-11-21"], "row 2: `field` is 'tags', which holds lists"),
        (["b,n,1,,ann,2026-11-21", "a,n,1.5,,ann,2026-11-21"], "row 3: '1.5' is not a valid int64, the type of 'n'"),
        (["a,x,nan,,ann,2026-11-21"], "row 2: 'nan' is not a valid double"),
        (["a,b,2,,ann,2026-11-21"], "row 2: '2' is not a valid bool"),
        (["a,d,2013-02-30,,ann,2026-11-21"], "row 2: '2013-02-30' is not a valid date32"),
        (["a,,Drop,,ann,2026-11-21"], "row 2: without a `field`, `value` must be drop, not 'Drop'"),
        ([" ,y,1,,ann,2026-11-21"], "row 2: `id` is empty"),
        (["a,y,1,, ,2026-11-21"], "row 2: `by` is empty; every correction needs an author and a date"),
        (["a,y,1,,ann,"], "row 2: `when` is empty"),
        (["a,y,1,,ann,yesterday"], "row 2: `when` is 'yesterday', not a date"),
        (["a,y,1,,ann,2026-02-30"], "row 2: `when` is '2026-02-30', not a date"),
        (["a,y,1,ann,2026-11-21"], "row 2 has 5 cells where the header has 6"),
        (
            ["a,y,1,,ann,2026-11-21", "b,y,1,,ann,2026-11-21", "a,y,0,,bob,2026-11-22"],
            "rows 2 and 4 contradict each other: 'y' of id 'a' cannot be both '1' and '0'",
        ),
        (["a,y,,,ann,2026-11-21", "a,y,0,,ann,2026-11-21"], "cannot be both missing and '0'"),
        (
            ["a,,drop,,ann,2026-11-21", "a,y,0,,ann,2026-11-21"],
            "row 3 corrects 'y' of id 'a', which another row drops; keep one of them",
        ),
        (['a,y,1,"open,ann,2026-11-21'], "is not valid CSV"),
        (["a,y,1\0,,ann,2026-11-21"], "holds NUL bytes"),
    ],
)
def test_refusals(load, lines, message):
    with pytest.raises(InputError, match=".") as error:
        load(*lines)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert "corrections.csv: row" in str(error.value) or message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the header must be id,field,value,reason,by,when, not nothing"),
        (b"id;field;value;reason;by;when\n", "not id;field;value;reason;by;when"),
        (b"id,value,field,reason,by,when\n", "the header must be"),
        (HEAD.encode("utf-16"), "is not valid UTF-8"),
        (HEAD.encode() + "ü,y,1,,ann,2026-11-21".encode("latin-1"), "is not valid UTF-8 (byte 30)"),
        (HEAD.encode("utf-16-le"), "holds NUL bytes"),
    ],
)
def test_other_files_are_refused(load, content, message):
    with pytest.raises(InputError, match=".") as error:
        load(content=content)
    assert message in str(error.value)


def test_no_file_and_no_ids(tmp_path, load):
    with pytest.raises(InputError, match=r"corrections\.csv: no such file; check \[data\] corrections"):
        load_corrections(str(tmp_path / "corrections.csv"), COLUMNS, ["id"], "y")
    with pytest.raises(InputError, match="cannot be read"):
        load_corrections(str(tmp_path), COLUMNS, ["id"], "y")
    with pytest.raises(ConfigError, match=r"set \[dataset\] id to the columns that identify a row"):
        load(by_ann("a,y,1"), ids=())


CELLS = st.text(alphabet=string.printable + "äöü€", max_size=8)


@given(st.lists(st.tuples(CELLS.filter(str.strip), st.sampled_from(["y", "c"]), CELLS, CELLS), max_size=20))
def test_written_and_read_again(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    written = [Correction(*row, "ann", "2026-11-21") for row in rows]
    path.write_bytes(corrections_csv(written).encode())
    assert list(read_corrections(str(path)).rows.values()) == written


def in_pandas(rows: pd.DataFrame, corrections: list[Correction]) -> pd.DataFrame:
    """A slow reference implementation: applies each correction to each row."""
    out = rows.copy()
    for one in corrections:
        hit = out["id"] == one.id
        if one.field:
            value = None if one.value == "" else {"n": int, "c": str, "y": int}[one.field](one.value)
            cells = [value if here else old for here, old in zip(hit, out[one.field], strict=True)]
            out[one.field] = pd.Series(cells, index=out.index, dtype=object)
        else:
            out = out[~hit]
    return out


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(0, 60), known=st.integers(1, 30), count=st.integers(0, 30))
def test_streaming_equals_pandas_for_any_batches(tmp_path_factory, seed, size, known, count):
    draw = random.Random(seed)
    names = [f"r{number}" for number in range(known)]
    rows = {
        "id": [draw.choice([*names, None]) for _ in range(size)],
        "n": [draw.choice([None, 1, 2]) for _ in range(size)],
        "c": [draw.choice([None, "", "p", "q"]) for _ in range(size)],
        "y": [draw.choice([None, 0, 1]) for _ in range(size)],
    }
    chosen = {
        (draw.choice([*names, "nowhere"]), draw.choice(["n", "c", "y", ""])): draw.choice(["", "3"])
        for _ in range(count)
    }
    gone = {id_ for id_, field in chosen if not field}
    wanted = [
        Correction(id_, field, value if field else "drop", "", "ann", "2026-11-21")
        for (id_, field), value in chosen.items()
        if not field or id_ not in gone
    ]
    path = tmp_path_factory.getbasetemp() / "random.csv"
    path.write_text(corrections_csv(wanted))
    corrections = load_corrections(str(path), {name: COLUMNS[name] for name in rows}, ["id"], "y")

    schema = pa.schema([("id", pa.string()), ("n", pa.int64()), ("c", pa.string()), ("y", pa.int64())])
    table = pa.Table.from_pydict(rows, schema)
    expected = in_pandas(pd.DataFrame(rows, dtype=object), wanted)
    cuts = sorted(draw.sample(range(size + 1), draw.randint(0, min(size, 5))))
    whole = pa.RecordBatch.from_pydict(rows, schema)
    parts = [whole.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, size], strict=True)]
    applied = [CorrectionCounts(), CorrectionCounts()]
    found = [
        pa.Table.from_batches(corrections.apply(batches, one), schema)
        for batches, one in zip((table.to_batches(), parts), applied, strict=True)
    ]
    assert found[0].equals(found[1])
    assert applied[0] == applied[1]
    assert found[0].to_pylist() == expected.to_dict("records")
    before = pd.DataFrame(rows, dtype=object)
    stays = before.loc[expected.index]

    def differ(columns):
        pairs = zip(stays[columns].values.tolist(), expected[columns].values.tolist(), strict=True)
        return sum(was != is_ for was, is_ in pairs)

    assert applied[0].counts == {
        "dropped": len(before) - len(expected),
        "relabelled": differ(["y"]),
        "changed": differ(["n", "c"]),
    }
