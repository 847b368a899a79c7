"""Struct fields of Parquet and Arrow files become columns, in type inference and in reading."""

import pyarrow as pa
import pytest
from pyarrow import feather
from pyarrow import parquet as pq

from components.shared.errors import InputError
from components.table_reading.column_types import arrow_types
from components.table_reading.formats.nested_columns import flat_batch, flat_schema
from components.table_reading.locations import find_files, open_place
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.schema_inference import declared_types, infer_types

USERS = [{"age": 3, "at": {"city": "Ulm"}}, None, {"age": None, "at": None}]
TABLE = pa.table({"user": pa.array(USERS), "n": [1, 2, 3]})
FLAT = {"user.age": [3, None, None], "user.at.city": ["Ulm", None, None], "n": [1, 2, 3]}


def write(table: pa.Table, path) -> None:
    pq.write_table(table, path) if path.suffix == ".parquet" else feather.write_feather(table, path)


@pytest.mark.parametrize("name", ["t.parquet", "t.feather"])
def test_fields_are_columns(tmp_path, name):
    write(TABLE, tmp_path / name)
    place, files = open_place(str(tmp_path)), find_files(str(tmp_path), name, ReadOptions())
    types = {"user.age": "int64", "user.at.city": "string", "n": "int64"}
    assert infer_types(place, files, ReadOptions()) == types
    assert declared_types(place, files) == types
    rows = pa.Table.from_batches(read_batches(place, files[0], arrow_types(types)))
    assert rows.to_pydict() == FLAT


def test_flattening_a_slice_and_its_schema():
    (batch,) = TABLE.slice(1).to_batches()
    assert flat_batch(batch).to_pydict() == {name: values[1:] for name, values in FLAT.items()}
    assert flat_schema(TABLE.schema) == flat_batch(batch).schema


def test_field_name_collides_with_column(tmp_path):
    write(TABLE.append_column("user.age", [[1, 2, 3]]), tmp_path / "t.parquet")
    files = find_files(str(tmp_path), "t.parquet", ReadOptions())
    with pytest.raises(InputError, match="column 'user.age' is duplicated"):
        infer_types(open_place(str(tmp_path)), files, ReadOptions())
