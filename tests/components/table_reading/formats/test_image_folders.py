"""Folders of image files as a table, and patterns whose folders give columns."""

from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.errors import InputError
from components.table_reading.column_types import arrow_types
from components.table_reading.formats.image_folders import image_rows
from components.table_reading.hive_partitions import find_partitions, placeholders
from components.table_reading.locations import open_place
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.schema_inference import infer_types

TYPES = {"image": "image", "file": "string", "digit": "int64"}


def images(folder: Path, *paths: str) -> str:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"not read here")
    return str(folder)


def rows(where: str, pattern: str, types: dict[str, str] = TYPES, **options) -> list[list[dict]]:
    place = open_place(where)
    return [
        pa.Table.from_batches(list(read_batches(place, file, arrow_types(types), ReadOptions(**options)))).to_pylist()
        for file in find_partitions(where, pattern)
    ]


def test_placeholders() -> None:
    assert placeholders("span-{span}/{defect}/*.png") == ["defect"]
    assert placeholders("{region}/{year}-{span}.csv") == ["region", "year"]
    assert placeholders("month={span}/*.parquet") == []


def test_a_folder_per_class_is_a_table(tmp_path: Path) -> None:
    where = images(
        tmp_path, "span-2/7/a.png", "span-1/0/a.png", "span-1/0/b.JPG", "span-1/3/a b.png", "span-1/.tmp/x.png"
    )
    one, two = rows(where, "span-{span}/{digit}/*")
    assert sorted((row["file"], row["digit"]) for row in one) == [
        ("span-1/0/a.png", 0),
        ("span-1/0/b.JPG", 0),
        ("span-1/3/a b.png", 3),
    ]
    assert all(row["image"] == row["file"].encode() for row in one)
    assert two == [{"image": b"span-2/7/a.png", "file": "span-2/7/a.png", "digit": 7}]
    assert len(rows(where, "span-{span}/{digit}/*.png")[0]) == 2


def test_classes_are_mixed_and_the_order_is_stable(tmp_path: Path) -> None:
    where = images(tmp_path, *(f"{label}/{number}.png" for label in "ab" for number in range(200)))
    (found,) = rows(where, "{digit}/*.png", {**TYPES, "digit": "string"})
    first_half = [row["digit"] for row in found[:200]]
    assert 70 < first_half.count("a") < 130
    assert rows(where, "{digit}/*.png", {**TYPES, "digit": "string"}) == [found]
    other = tmp_path / "copy"
    images(other, *(row["file"] for row in found))
    assert rows(str(other), "{digit}/*.png", {**TYPES, "digit": "string"}) == [found]


def test_types_are_inferred_from_the_names(tmp_path: Path) -> None:
    where = images(tmp_path, "1/a.png", "12/b.png")
    files = find_partitions(where, "{digit}/*.png")
    assert infer_types(open_place(where), files, ReadOptions()) == {
        "image": "string",
        "file": "string",
        "digit": "int64",
    }


def test_wrong_folders(tmp_path: Path) -> None:
    where = images(tmp_path, "1/a.png", "x/b.png", "2/notes.txt")
    with pytest.raises(
        InputError, match=r"2/notes.txt: is no image file; legal suffixes: .png, .*; remove it, or name"
    ):
        rows(where, "{digit}/*")
    with pytest.raises(InputError, match="column 'digit', row [12]: invalid value 'x' where the schema says int64"):
        rows(where, "{digit}/*.png")
    assert sorted(str(row["digit"]) for row in rows(where, "{digit}/*.png", on_type_mismatch="warn")[0]) == [
        "1",
        "None",
    ]
    (file,) = find_partitions(where, "{image}/*.png")
    with pytest.raises(InputError, match=r"the column 'image' of \[data\] pattern is taken"):
        list(image_rows(file))
    with pytest.raises(InputError, match="column 'other' is missing: it is in the schema, not in the folder of images"):
        rows(where, "{digit}/*.png", {**TYPES, "other": "string"})


def test_folders_give_columns_of_tables_too(tmp_path: Path) -> None:
    for region, value in (("north", 1), ("south", 2)):
        (tmp_path / region).mkdir()
        (tmp_path / region / "span-1.csv").write_text(f"id,x\na{value},{value}\n")
    (found,) = rows(str(tmp_path), "{region}/span-{span}.csv", {"id": "string", "x": "int64", "region": "string"})
    assert found == [{"id": "a1", "x": 1, "region": "north"}, {"id": "a2", "x": 2, "region": "south"}]
