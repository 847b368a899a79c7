"""One table in every format gives the same schema and values."""

import pytest

from components.table_reading.column_types import arrow_types
from tests.components.table_reading.sources import TABLE, TYPES, read, surveyed, write

KINDS = (
    *("t.csv", "t.parquet", "t.jsonl", "t.ndjson.gz", "t.csv.zip", "t.parquet.zip", "t.jsonl.zip"),
    *("t.xlsx", "t.ods", "t.db", "t.duckdb", "hive"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_schema_and_values(tmp_path, kind):
    where = write(tmp_path, kind)
    types = {name: alias for name, alias in surveyed(*where).items() if name != "part"}
    assert types == TYPES

    table = read(*where)
    assert table.column_names[: len(TYPES)] == list(TYPES)
    wanted = TABLE.cast(read(*write_csv(tmp_path)).schema)
    for name, type_ in arrow_types(TYPES).items():
        assert table[name].combine_chunks().cast(type_).to_pylist() == wanted[name].to_pylist(), name


def write_csv(folder):
    inner = folder / "csv"
    inner.mkdir()
    return write(inner, "t.csv")


def test_folders_give_a_partition_column(tmp_path):
    where = write(tmp_path, "hive")
    assert surveyed(*where)["part"] == "int64"
    table = read(*where, types={"part": "int64", **TYPES})
    assert table.column_names[0] == "part"
    assert table["part"].to_pylist() == [0, 0, 1, 1]
