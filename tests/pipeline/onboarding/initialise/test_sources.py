"""`plumbline init` on what is no plain file: what it finds, says and writes."""

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from components.shared.errors import InputError, UsageError
from components.table_reading.column_types import arrow_types
from components.table_reading.locations import find_files, open_place
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from pipeline.onboarding.initialise.dataset import initialise
from pipeline.onboarding.initialise.find_data import find_data, legal_name
from pipeline.onboarding.initialise.result import Initialised
from pipeline.settings.config import load_config
from tests.components.table_reading.sources import csv_bytes, json_lines, write_sqlite, write_xlsx, zipped

ROWS = 300
TABLE = pa.table(
    {
        "month": [1 + row // 100 for row in range(ROWS)],
        "amount": [float(row * 37 % 101) / 4 for row in range(ROWS)],
        "shop": [("north", "south", "east")[row % 3] for row in range(ROWS)],
        "left": ["yes" if row * 37 % 101 > 50 else "no" for row in range(ROWS)],
    }
)


def hive(folder, *, name: str = "month={}", files: int = 1):
    for month in range(1, 4):
        rows = TABLE.slice(100 * (month - 1), 100).drop_columns("month")
        inner = folder / "sales" / name.format(month)
        inner.mkdir(parents=True)
        for file in range(files):
            pq.write_table(rows.slice(file * 100 // files, 100 // files), inner / f"part-{file}.parquet")
    return str(folder / "sales")


def init(folder, data: str, **asked) -> Initialised:
    found = initialise(data, "left", schemas=folder / "schemas", **asked)
    load_config(found.config)  # is legal
    return found


def said(found: Initialised) -> list[str]:
    return [f"{one.what}; {one.setting}" for one in found.source]


def test_a_hive_folder(tmp_path):
    found = init(tmp_path, hive(tmp_path, files=2))
    assert said(found) == [
        "the folders give month, and each month is a span; [data] pattern, with {span} for the span number"
    ]
    data = load_config(found.config).data
    assert (data.pattern, data.window) == ("month={span}/*.parquet", 2)
    (month,) = (column for column in found.proposal.columns if column.name == "month")
    assert month.type == "int64"
    assert "one value per span" in month.suspicious
    assert found.rows == ROWS


def test_a_hive_folder_by_dates_and_by_names(tmp_path):
    place = find_data(hive(tmp_path / "a", name="day=2024-02-0{}"))
    assert (place.pattern, place.window, [file.span for file in place.files]) == (
        "day={span}/*.parquet",
        2,
        [20240201, 20240202, 20240203],
    )
    place = find_data(hive(tmp_path / "b", name="shop=s{}"))
    assert (place.pattern, place.window, len(place.files), len(place.files[0].parts)) == ("shop=*/*.parquet", 0, 1, 3)
    place = find_data(hive(tmp_path / "c", name="store={}/month=0{}".replace("{}", "{0}")))
    assert place.pattern == "store=*/month={span}/*.parquet"


def test_the_case_as_it_was_reported(tmp_path):
    folder = tmp_path / "sales"
    for month in range(1, 4):
        (folder / f"month={month}").mkdir(parents=True)
        rows = TABLE.slice(100 * (month - 1), 100).drop_columns("month")
        pq.write_table(rows, folder / f"month={month}" / "0e77be0b98b04abe9ab0ef88813e7062-0.parquet")
    assert find_data(str(folder)).pattern == "month={span}/*.parquet"


def test_a_folder_that_spark_wrote(tmp_path):
    (tmp_path / "_SUCCESS").touch()
    for part in range(3):
        pq.write_table(TABLE.slice(part * 100, 100), tmp_path / f"part-0000{part}-c8f0.c000.snappy.parquet")
    place = find_data(str(tmp_path))
    assert (place.pattern, len(place.files), len(place.files[0].parts)) == ("*.parquet", 1, 3)


def test_folders_of_several_kinds(tmp_path):
    hive(tmp_path)
    other = tmp_path / "sales" / "year=1" / "month=2"
    other.mkdir(parents=True)
    pq.write_table(TABLE, other / "x.parquet")
    with pytest.raises(InputError, match="its folders have different partition columns: month and year/month"):
        find_data(str(tmp_path / "sales"))


def test_json_lines_and_archives(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(json_lines(TABLE))
    (tmp_path / "b.zip").write_bytes(zipped(sales__csv=csv_bytes(TABLE).replace(b",", b";")))
    lines, archive = init(tmp_path, str(tmp_path / "a.jsonl")), init(tmp_path, str(tmp_path / "b.zip"))
    assert lines.options.delimiter == ","
    assert archive.options.delimiter == ";"
    assert said(archive) == [f"{tmp_path}/b.zip contains sales.csv; [data] pattern"]
    assert [(c.name, c.type, c.kind) for c in lines.proposal.columns] == [
        (c.name, c.type, c.kind) for c in archive.proposal.columns
    ]


def test_a_sheet(tmp_path):
    write_xlsx(tmp_path / "sales.xlsx", TABLE)
    found = init(tmp_path, str(tmp_path / "sales.xlsx"))
    assert "# sheet 'Data' is read\n" in found.config.read_text()
    assert said(found) == ["sheet 'Data' is read; [data] sheet"]
    with pytest.raises(InputError, match=r"sales.xlsx: no sheet is named 'Nope'; sheets: Data"):
        initialise(str(tmp_path / "sales.xlsx"), "left", "x", schemas=tmp_path, given=_sheet("Nope"))


def test_a_sheet_with_a_title_above_its_header(tmp_path):
    title = [["Sales of the north"] + [None] * (TABLE.num_columns - 1), [None] * TABLE.num_columns]
    rows = [*title, TABLE.column_names, *([row[name] for name in TABLE.column_names] for row in TABLE.to_pylist())]
    names = [f"c{number}" for number in range(TABLE.num_columns)]
    texts = [[None if cell is None else str(cell) for cell in row] for row in rows]
    write_xlsx(tmp_path / "head.xlsx", pa.table(dict(zip(names, map(list, zip(*texts, strict=True)), strict=True))))
    # write_xlsx writes names of its own first, so that the header is the sheet's row 4.
    found = init(tmp_path, str(tmp_path / "head.xlsx"), csv=["header_row=4"])
    assert found.rows == ROWS
    assert [column.name for column in found.proposal.columns] == TABLE.column_names
    assert load_config(found.config).data.header_row == 4
    source = load_config(found.config).data
    place, files = open_place(source.directory), find_files(source.directory, source.pattern, source.read_options())
    types = arrow_types({column.name: column.type for column in found.proposal.columns})
    read = pa.Table.from_batches(read_batches(place, files[0], types, source.read_options()))
    assert read["shop"].to_pylist() == TABLE["shop"].to_pylist()
    bad = types | {"shop": pa.int64()}
    with pytest.raises(InputError, match=r"column 'shop', row 5 \(the header is row 4\): invalid value 'north'"):
        list(read_batches(place, files[0], bad, source.read_options()))


def test_nested_columns_of_parquet(tmp_path):
    users = pa.array([{"age": row % 50, "plan": ("a", "b")[row % 2]} for row in range(ROWS)])
    pq.write_table(TABLE.append_column("user", users), tmp_path / "sales.parquet")
    found = init(tmp_path, str(tmp_path / "sales.parquet"))
    assert said(found)[0].startswith("user is nested; its fields are columns: user.age, user.plan; ")
    kinds = {column.name: column.kind for column in found.proposal.columns}
    assert (kinds["user.age"], kinds["user.plan"]) == ("numeric", "categorical")


def _sheet(name):
    return ReadOptions(sheet=name)


def test_a_database(tmp_path):
    write_sqlite(tmp_path / "sales.db", TABLE)
    path = str(tmp_path / "sales.db")
    asked = ReadOptions(spans_query="select distinct month from t")
    found = init(tmp_path, path, query="select * from t where month = {span}", given=asked)
    assert found.name == "sales"
    data = load_config(found.config).data
    assert (data.directory, data.query) == (f"sqlite:///{path}", "select * from t where month = {span}")
    assert (data.spans_query, data.window, found.files) == ("select distinct month from t", 2, 3)
    assert said(found) == ["spans are 1 to 3; [data] spans_query"]
    whole = init(tmp_path, path, query="select * from t", name="whole")
    assert said(whole) == ["the database determines the order of the rows; ORDER BY in [data] query"]


def test_what_is_missing_or_too_much(tmp_path):
    write_sqlite(tmp_path / "sales.db", TABLE)
    with pytest.raises(UsageError, match=r"--data .*sales.db: is a database; give the query for its rows with --query"):
        find_data(str(tmp_path / "sales.db"))
    with pytest.raises(UsageError, match="--query: needs a database, and --data .* is not one"):
        find_data(str(tmp_path), "select 1")
    with pytest.raises(InputError, match="contains one span"):
        find_data(str(tmp_path / "sales.db"), "select {span}", ReadOptions(spans_query="select 1"))


def test_names():
    assert legal_name("postgresql://host/shop?sslmode=require") == "shop"
    assert legal_name("sqlite:///data/Shop.db") == "shop"
    assert legal_name("a/Sales 2024.xlsx") == "sales_2024"
    assert legal_name("a/sales.csv.zip") == "sales_csv"
