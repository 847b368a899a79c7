"""SQLite and DuckDB files: spans, digests, errors, memory."""

import sqlite3

import pyarrow as pa
import pytest

from components.shared.errors import ConfigError, InputError
from components.table_reading.databases.addresses import database_url, is_database
from components.table_reading.databases.database import Database, open_database, rebatched
from components.table_reading.locations import content_sha256, find_files
from components.table_reading.read_options import ReadOptions
from tests.components.table_reading.formats.test_json_lines import peak
from tests.components.table_reading.sources import (
    QUERY,
    TYPES,
    extra,
    read,
    surveyed,
    write,
    write_duckdb,
    write_sqlite,
)

KINDS = ["t.db", "t.duckdb"]
SPANS = "select * from t where n = {span}"


@pytest.mark.parametrize("kind", KINDS)
def test_spans(tmp_path, kind):
    url, _ = write(tmp_path, kind)
    options = ReadOptions(spans_query="select distinct n from t where n > 0 order by n desc")
    found = find_files(url, SPANS, options)
    assert [(file.span, file.path, file.name) for file in found] == [
        (1, "select * from t where n = 1", f"{url}, span 1"),
        (4, "select * from t where n = 4", f"{url}, span 4"),
    ]
    assert read(url, SPANS, TYPES, options)["n"].to_pylist() == [1, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_spans_that_are_dates(tmp_path, kind):
    url, _ = write(tmp_path, kind)
    query, options = "select * from t where day = {span}", ReadOptions(spans_query="select day from t")
    found = find_files(url, query, options)
    assert [file.path for file in found] == [
        "select * from t where day = '2023-12-01'",
        "select * from t where day = '2024-01-31'",
        "select * from t where day = '2024-02-29'",
    ]
    assert read(url, query, TYPES, options)["n"].to_pylist() == [4, 1, None]


@pytest.mark.parametrize("kind", KINDS)
def test_the_digest_is_of_the_rows(tmp_path, kind):
    url, query = write(tmp_path, kind)
    (file,) = find_files(url, query, ReadOptions())
    place = open_database(url)
    before = content_sha256(place, file, ReadOptions())
    list(place.batches(query, ReadOptions()))
    assert place.digests == {query: before}
    assert content_sha256(place, file, ReadOptions()) == before
    assert place.digests == {}  # a later read may find other rows
    if kind == "t.db":
        with sqlite3.connect(tmp_path / kind) as connection:
            connection.execute("update t set n = 5 where n = 4")
        assert content_sha256(place, file, ReadOptions()) != before


def test_digest_does_not_depend_on_batch_sizes():
    batch = pa.record_batch({"a": list(range(10))})
    for size in (1, 3, 10):
        parts = [batch.slice(start, size) for start in range(0, 10, size)]
        assert [one.num_rows for one in rebatched(iter(parts), 4)] == [4, 4, 2]
        assert pa.Table.from_batches(rebatched(iter(parts), 4)).equals(pa.Table.from_batches([batch]))


@pytest.mark.parametrize("kind", KINDS)
def test_connections_are_read_only(tmp_path, kind):
    url, _ = write(tmp_path, kind)
    with pytest.raises(InputError, match=r"the query failed|read-only|returns no rows"):
        read(url, "delete from t", {})
    assert read(url, QUERY).num_rows == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select nope from t", r"t\.\w+: the query failed \(.*nope.*\)$"),
        ("select * from nowhere", r"t\.\w+: the query failed \(.*nowhere.*\)$"),
        ("selct 1", r"t\.\w+: the query failed \(.*syntax error.*\)$"),
        ("select * from t where 1 = 0", "holds no rows$"),
        ("select n from t", "column 'code' is missing: it is in the schema, not in the query$"),
        ("select *, n as n from t", "column 'n' is duplicated|column 'n_1'"),
    ],
)
def test_queries_that_fail(tmp_path, kind, query, message):
    url, _ = write(tmp_path, kind)
    if kind == "t.duckdb" and "as n" in query:
        pytest.skip("DuckDB gives the second another name")
    with pytest.raises(InputError, match=message):
        read(url, query)


def test_missing_and_invalid_files(tmp_path):
    with pytest.raises(InputError, match=r"sqlite:///.*nowhere.db: no such file"):
        read(f"sqlite:///{tmp_path}/nowhere.db", QUERY)
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=r"x.db: the query failed \(file is not a database\)$"):
        read(f"sqlite:///{tmp_path}/x.db", QUERY)
    extra("duckdb")
    with pytest.raises(InputError, match=r"x.db: cannot be opened"):
        read(f"duckdb:///{tmp_path}/x.db", QUERY)


def test_column_with_values_of_several_types(tmp_path):
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("create table t (a, b, c)")
        rows = [(row, row, None) for row in range(70_000)]
        connection.executemany("insert into t values (?, ?, ?)", [*rows, (1, 0.5, "x"), (2, "unknown", b"\xff")])
    url = f"sqlite:///{tmp_path}/t.db"
    assert surveyed(url, QUERY) == {"a": "int64", "b": "float64", "c": "string"}
    table = read(url, QUERY, {"a": "int64", "c": "string"})
    assert table["a"][-1].as_py() == 2
    with pytest.raises(
        InputError, match=r"column 'b', row 70002: invalid value 'unknown' where the schema says double"
    ):
        read(url, QUERY, {"b": "float64"})


def test_spans_query_is_required(tmp_path):
    url, _ = write(tmp_path, "t.db")
    with pytest.raises(ConfigError, match=r"the query has \{span\}, but there is no list of spans"):
        find_files(url, SPANS, ReadOptions())
    with pytest.raises(InputError, match="spans_query returns no span"):
        find_files(url, SPANS, ReadOptions(spans_query="select n from t where 0"))
    with pytest.raises(InputError, match="spans_query: 'yes' is neither a span number nor a date"):
        find_files(url, SPANS, ReadOptions(spans_query="select left from t"))


def test_addresses():
    assert is_database("postgresql://host/db")
    assert not is_database("s3://bucket/db")
    assert database_url("a/b.sqlite3") == "sqlite:///a/b.sqlite3"
    assert database_url("/a/b.DuckDB") == "duckdb:////a/b.DuckDB"
    assert database_url("a/b.csv") == ""
    assert Database("sqlite:///a%20b.db").file == "a b.db"
    assert Database("sqlite:////a/b.db").file == "/a/b.db"
    with pytest.raises(InputError, match=r"postgresql://\*\*\*@host/db: holds credentials.*PGPASSWORD"):
        open_database("postgresql://me:word@host/db")


@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_the_result(tmp_path, kind):
    writes = {"t.db": write_sqlite, "t.duckdb": write_duckdb}[kind]
    writes(tmp_path / kind, pa.table({"a": [0]}))
    url = f"{'sqlite' if kind == 't.db' else 'duckdb'}:///{tmp_path / kind}"
    rows = "with recursive r(a) as (select 1 union all select a + 1 from r where a < {}) select a, {} as s from r"
    text = "printf('%0150d', a)"
    if kind == "t.duckdb":
        rows, text = "select a, {1} as s from range({0}) r(a)", "printf('%0150d', a)"
    small, large = (peak(url, rows.format(count, text)) for count in (10_000, 1_000_000))
    assert large[0] == 1_000_000
    assert large[1] < small[1] + 120  # of 150 MB of text
