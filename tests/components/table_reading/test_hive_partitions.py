import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from components.shared.errors import InputError
from components.table_reading.fingerprint import parts_sha256
from components.table_reading.hive_partitions import find_partitions
from components.table_reading.locations import open_place
from tests.components.table_reading.sources import read


@pytest.fixture
def folder(tmp_path):
    def folder(*paths: str, **columns: list) -> str:
        for number, path in enumerate(paths):
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({"n": [number], **columns}), target)
        return str(tmp_path)

    return folder


def test_spans_of_several_files(folder):
    where = folder(
        "month=02/city=a/0.parquet", "month=01/city=b/0.parquet", "month=02/city=b/0.parquet", "_tmp/x.parquet"
    )
    found = find_partitions(where, "month={span}/city=*/*.parquet")
    assert [(file.span, file.name, len(file.parts)) for file in found] == [
        (1, f"{where}/month=01", 1),
        (2, f"{where}/month=02", 2),
    ]
    table = read(where, "month={span}/city=*/*.parquet", {"city": "string", "n": "int64", "month": "int64"})
    assert table.to_pylist() == [
        {"city": "b", "n": 1, "month": 1},
        {"city": "a", "n": 0, "month": 2},
        {"city": "b", "n": 2, "month": 2},
    ]


def test_dates_are_spans(folder):
    where = folder("day=2024-01-31/a.parquet", "day=2024-02-01/a.parquet")
    assert [file.span for file in find_partitions(where, "day={span}/*.parquet")] == [20240131, 20240201]


def test_partition_values_are_percent_decoded_and_nullable(folder):
    where = folder("city=S%C3%A3o%20Paulo/a.parquet", "city=__HIVE_DEFAULT_PARTITION__/a.parquet")
    rows = read(where, "city=*/*.parquet", {"n": "int64", "city": "string"}).to_pylist()
    assert [row["city"] for row in rows] == ["São Paulo", None]


def test_partition_column_that_is_also_in_the_file(folder):
    where = folder("month=7/a.parquet", month=[7])
    assert read(where, "month=*/*.parquet", {"n": "int64", "month": "int64"}).to_pylist() == [{"n": 0, "month": 7}]
    where = folder("month=8/a.parquet", month=[7])
    with pytest.raises(InputError, match=r"month=8/a.parquet: column 'month' differs from the value of its folder"):
        read(where, "month=*/*.parquet", {"n": "int64", "month": "int64"})


@pytest.mark.parametrize(
    ("paths", "pattern", "message"),
    [
        (["a/b.parquet"], "month={span}/*.parquet", r"no file matches month=\{span\}/\*.parquet"),
        (["m=x/b.parquet"], "m={span}/*.parquet", "'x' is neither a span number nor a date"),
        (["m=1/b.parquet", "m=01/b.parquet"], "m={span}/*.parquet", "m=1: span 1 is duplicated by .*m=01"),
    ],
)
def test_refused(folder, paths, pattern, message):
    with pytest.raises(InputError, match=message):
        find_partitions(folder(*paths), pattern)


def test_partition_value_that_does_not_fit_the_type(folder):
    where = folder("m=x/b.parquet")
    with pytest.raises(InputError, match=r"m=x/b.parquet: the folder m=x does not fit the type int64 of the schema"):
        read(where, "m=*/*.parquet", {"n": "int64", "m": "int64"})


def test_the_digest_is_of_values_and_contents(folder, tmp_path):
    where = folder("m=1/a.parquet", "m=2/a.parquet")

    def digest() -> str:
        (file,) = find_partitions(where, "m=*/*.parquet")
        return parts_sha256(open_place(where), file)

    before = digest()
    assert digest() == before
    (tmp_path / "m=2").rename(tmp_path / "m=3")
    assert digest() != before
