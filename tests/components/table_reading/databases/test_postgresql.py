"""Reading from a real PostgreSQL server."""

import os

import pytest

from components.shared.errors import ConfigError, InputError
from components.table_reading.locations import content_sha256, find_files, open_place
from components.table_reading.read_options import ReadOptions
from tests.components.table_reading.formats.test_json_lines import peak
from tests.components.table_reading.sources import extra, read, surveyed
from tests.pipeline.metadata_servers import PASSWORD, USER, postgresql

TABLE = """
create type mood as enum ('sad', 'glad');
create table t (
  i int, b bigint, f real, n numeric(10, 2), s varchar, c text, bo bool, d date, ts timestamp, tz timestamptz,
  u uuid, j jsonb, e mood, a int[], cash money, iv interval, p point
);
insert into t values
  (1, 2, 0.5, 3.25, '01', 'x', true, '2024-01-31', '2024-01-31 10:00', '2024-01-31 10:00+01',
   'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"k": 1}', 'glad', array[1, 2], '1.50', '1 day', '(1,2)');
insert into t (i) values (2);
"""
READ = "i, b, f, n, s, c, bo, d, ts, tz, u, j, e, a"


@pytest.fixture(scope="module")
def server():
    dbapi = extra("adbc_driver_postgresql.dbapi")
    with postgresql() as server:
        url = f"postgresql://127.0.0.1:{server.port}/postgres"
        with dbapi.connect(f"{url}?user={USER}&password={PASSWORD}") as connection, connection.cursor() as cursor:
            for statement in TABLE.split(";\n")[:-1]:
                cursor.execute(statement)
            connection.commit()
        yield url


@pytest.fixture(autouse=True)
def _login(monkeypatch):
    monkeypatch.setenv("PGUSER", USER)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


def test_types_and_values(server):
    query = f"select {READ} from t order by i"  # noqa: S608
    types = surveyed(server, query)
    assert types == {
        **{"i": "int64", "b": "int64", "f": "float64", "n": "float64", "s": "string", "c": "string", "bo": "bool"},
        **{"d": "date", "ts": "timestamp", "tz": "timestamp", "u": "string", "j": "string", "e": "string"},
        "a": "list:int64",
    }
    first, second = read(server, query, types).to_pylist()
    assert (first["n"], first["s"], first["u"]) == (3.25, "01", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    assert (first["j"], first["e"], first["a"]) == ('{"k": 1}', "glad", [1, 2])
    assert (first["ts"].hour, first["tz"].hour) == (10, 9)
    assert {name for name, value in second.items() if value is not None} == {"i"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select cash from t", "column 'cash' is money; cast it in the query: cash::numeric"),
        ("select iv from t", "column 'iv' is month_day_nano_interval, which a tf.Example cannot hold"),
        (
            "select p from t",
            "column 'p' has the unsupported PostgreSQL type point; cast it in the query, as ::text",
        ),
        ("select nope from t", r'the query failed \(column "nope" does not exist'),
        ("select 1 / (i - 2) as x from t", r"the query failed \(division by zero"),
        ("delete from t", "the query failed"),
        ("drop table t", "the query failed"),
    ],
)
def test_invalid_queries(server, query, message):
    with pytest.raises(InputError, match=message) as refused:
        read(server, query, {})
    assert "\n" not in str(refused.value)
    assert read(server, "select i from t", {"i": "int64"}).num_rows == 2


def test_spans_and_digests(server):
    query, options = "select i, d from t where i = {span};", ReadOptions(spans_query="select i from t")
    files = find_files(server, query, options)
    assert [file.span for file in files] == [1, 2]
    place = open_place(server)
    digests = [content_sha256(place, file, options) for file in files]
    assert digests[0] != digests[1]
    assert digests == [content_sha256(open_place(server), file, options) for file in files]


def test_credentials(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "wrong-word")
    with pytest.raises(InputError, match=r"cannot be connected to \(password authentication failed") as refused:
        read(server, "select i from t", {"i": "int64"})
    assert "wrong-word" not in str(refused.value)
    monkeypatch.setenv("OF_SALES", PASSWORD)
    assert read(server, "select i from t", {"i": "int64"}, ReadOptions(password_variable="OF_SALES")).num_rows == 2
    with pytest.raises(ConfigError, match="NOWHERE: is not set"):
        read(server, "select i from t", {}, ReadOptions(password_variable="NOWHERE"))


def test_unreachable_server():
    extra("adbc_driver_postgresql")
    with pytest.raises(InputError, match=r"postgresql://127.0.0.1:1/x: cannot be connected to \(.*refused"):
        read("postgresql://127.0.0.1:1/x", "select 1", {})


def test_memory_does_not_grow_with_the_result(server):
    assert os.environ["PGPASSWORD"] == PASSWORD  # the process below takes it from here
    query = "select a::bigint, repeat('x', 150) || a as s from generate_series(1, {}) a"
    small, large = (peak(server, query.format(count)) for count in (10_000, 1_000_000))
    assert large[0] == 1_000_000
    assert large[1] < small[1] + 120  # of 150 MB of text
