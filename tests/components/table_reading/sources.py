"""Writes one small table in every format, and reads it back."""

import datetime as dt
import gzip
import importlib
import io
import json
import os
import sqlite3
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv
from pyarrow import parquet as pq

from components.table_reading.column_types import arrow_types
from components.table_reading.locations import find_files, open_place
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.schema_inference import infer_schema

TABLE = pa.table(
    {
        "code": ["007", "012", "b,c", None],
        "n": pa.array([1, None, -3, 4], pa.int64()),
        "x": [0.5, 2.25, None, -1e-3],
        "day": pa.array([dt.date(2024, 1, 31), dt.date(2024, 2, 29), None, dt.date(2023, 12, 1)]),
        "at": pa.array(
            [dt.datetime(2024, 1, 31, 10, 5), dt.datetime(2024, 2, 29, 0, 0, 1), dt.datetime(2023, 1, 1, 23, 59), None],
            pa.timestamp("us"),
        ),
        "left": ["yes", "no", "yes", "no"],
    }
)
TYPES = {"code": "string", "n": "int64", "x": "float64", "day": "date", "at": "timestamp", "left": "string"}
QUERY = "select * from t"


def extra(module: str) -> object:
    """Imports a module of an extra; if it is missing, the test is skipped, or fails in CI."""
    return importlib.import_module(module) if os.environ.get("CI") else pytest.importorskip(module)


def csv_bytes(table: pa.Table = TABLE) -> bytes:
    rows = io.BytesIO()
    csv.write_csv(table, rows)
    return rows.getvalue()


def json_lines(table: pa.Table = TABLE) -> bytes:
    rows = [{key: value for key, value in row.items() if value is not None} for row in table.to_pylist()]
    return b"".join(json.dumps(row, default=str).encode() + b"\n" for row in rows)


def parquet_bytes(table: pa.Table = TABLE) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name.replace("__", ".") if not name.startswith("__") else name, member)
    return content.getvalue()


def write_xlsx(path: Path, table: pa.Table = TABLE) -> None:
    extra("python_calamine")
    xlsxwriter = extra("xlsxwriter")
    with xlsxwriter.Workbook(str(path)) as book:  # type: ignore[attr-defined]
        day, at = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, table.column_names)
        for row, values in enumerate(table.to_pylist(), 1):
            for column, value in enumerate(values.values()):
                if isinstance(value, dt.datetime):
                    sheet.write_datetime(row, column, value, at)
                elif isinstance(value, dt.date):
                    sheet.write_datetime(row, column, value, day)
                elif isinstance(value, str):
                    sheet.write_string(row, column, value)
                elif value is not None:
                    sheet.write(row, column, value)


def write_ods(path: Path, table: pa.Table = TABLE) -> None:
    extra("python_calamine")
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    cells = []
    for row in [dict(zip(table.column_names, table.column_names, strict=True)), *table.to_pylist()]:
        cells.append("<table:table-row>")
        for value in row.values():
            if value is None:
                cells.append("<table:table-cell/>")
            elif isinstance(value, dt.date):
                cells.append(f'<table:table-cell office:value-type="date" office:date-value="{value.isoformat()}"/>')
            elif isinstance(value, str):
                cells.append(
                    f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
                )
            else:
                cells.append(f'<table:table-cell office:value-type="float" office:value="{value}"/>')
        cells.append("</table:table-row>")
    content = (
        f'<?xml version="1.0"?><office:document-content xmlns:office="{office}office:1.0" '
        f'xmlns:table="{office}table:1.0" xmlns:text="{office}text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Data">{"".join(cells)}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{office}manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" '
            'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>',
        )
        archive.writestr("content.xml", content)


def write_sqlite(path: Path, table: pa.Table = TABLE) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"create table t ({', '.join(table.column_names)})")
    marks = ", ".join("?" * table.num_columns)
    rows = [
        [str(value) if isinstance(value, dt.date) else value for value in row.values()] for row in table.to_pylist()
    ]
    connection.executemany(f"insert into t values ({marks})", rows)  # noqa: S608
    connection.commit()
    connection.close()


def write_duckdb(path: Path, table: pa.Table = TABLE) -> None:
    duckdb = extra("duckdb")
    with duckdb.connect(str(path)) as connection:  # type: ignore[attr-defined]
        connection.register("given", table)
        connection.execute("create table t as select * from given")


def write(folder: Path, kind: str) -> tuple[str, str]:
    """Writes TABLE as `kind` into the folder; returns the location, and the pattern or query."""
    simple = {
        "t.csv": csv_bytes,
        "t.parquet": parquet_bytes,
        "t.jsonl": json_lines,
        "t.ndjson.gz": lambda: gzip.compress(json_lines()),
    }
    if kind in simple:
        (folder / kind).write_bytes(simple[kind]())
    elif kind.endswith(".zip"):
        (folder / kind).write_bytes(zipped(**{"t__" + kind.split(".")[1]: simple[kind[:-4]]()}))
    elif kind == "hive":
        for number in range(2):
            inner = folder / f"part={number}"
            inner.mkdir()
            pq.write_table(TABLE.slice(2 * number, 2), inner / "rows.parquet")
        return str(folder), "part=*/*.parquet"
    else:
        writers = {"t.xlsx": write_xlsx, "t.ods": write_ods, "t.db": write_sqlite, "t.duckdb": write_duckdb}
        writers[kind](folder / kind)
        if kind in ("t.db", "t.duckdb"):
            return f"{'sqlite' if kind == 't.db' else 'duckdb'}:///{folder / kind}", QUERY
    return str(folder), kind


def surveyed(where: str, pattern: str, options: ReadOptions = ReadOptions()) -> dict[str, str]:  # noqa: B008
    return infer_schema(open_place(where), find_files(where, pattern, options), options, 100, find_markers=True).types


def read(where: str, pattern: str, types: dict[str, str] = TYPES, options: ReadOptions = ReadOptions()) -> pa.Table:  # noqa: B008
    place, files = open_place(where), find_files(where, pattern, options)
    wanted = arrow_types(types)
    return pa.Table.from_batches([batch for file in files for batch in read_batches(place, file, wanted, options)])
