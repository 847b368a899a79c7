"""The registry of file formats: one entry is all that readers, type inference and messages need."""

import pyarrow as pa
import pytest
from pyarrow import fs, orc

from components.shared.errors import InputError
from components.table_reading.formats import registry
from components.table_reading.formats.file_format import FileFormat
from components.table_reading.formats.nested_columns import flat_batch
from components.table_reading.formats.registry import ALL, FORMATS, find_format, has_schema, has_texts, suffix
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.schema_inference import declared_types, file_schema, infer_types
from components.table_reading.spans import SpanFile
from components.table_reading.untyped_batches import span_batches
from pipeline.process import disk

LOCAL = fs.LocalFileSystem()
UNKNOWN = r"x\.unknown: unknown file format; legal suffixes: \.csv, .*\.parquet, .*\.tfrecord"


def span(path) -> SpanFile:
    return SpanFile(0, str(path), path.name, path.stat().st_size, 0)


def test_no_two_formats_have_a_suffix_in_common():
    assert len(set(ALL)) == len(ALL)
    assert [find_format(f"a{end}").name for end in (".CSV", ".tsv.gz", ".pq", ".ipc", ".ndjson", ".ods", ".zip")] == [
        "CSV",
        "CSV",
        "Parquet",
        "Arrow IPC",
        "JSON lines",
        "spreadsheet",
        "zip archive",
    ]
    assert find_format("a.tfrecord.gz").name == "TFRecord"
    assert find_format("a.unknown") is None
    assert (suffix("b.csv.gz"), suffix("b.tfrecord"), suffix("b.unknown")) == (".csv.gz", "", "")


def test_a_format_without_entry_is_refused_by_every_reader(tmp_path):
    path = tmp_path / "x.unknown"
    path.write_bytes(b"content")
    for read in (
        lambda: next(read_batches(LOCAL, span(path), {})),
        lambda: next(span_batches(LOCAL, span(path), ReadOptions())),
        lambda: file_schema(LOCAL, span(path), ReadOptions().limits),
    ):
        with pytest.raises(InputError, match=UNKNOWN):
            read()


def test_the_columns_of_tfrecords_are_not_inferred_as_if_they_were_csv(tmp_path):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"x\.tfrecord: the columns of a TFRecord cannot be inferred"):
        infer_types(LOCAL, [span(path)], ReadOptions())
    with pytest.raises(InputError, match=r"x\.tfrecord: TFRecord files have no schema"):
        file_schema(LOCAL, span(path), ReadOptions().limits)


def test_one_entry_makes_a_format_known_everywhere(tmp_path, monkeypatch):
    """ORC by an entry of a few lines: reading with a schema, inference, declared types, estimate of disk space."""

    def rows(filesystem, file, options, expected):
        yield from map(flat_batch, orc.read_table(file.path).to_batches())

    def typed(filesystem, file, types, mismatches, options):
        yield from (
            orc.read_table(file.path, columns=list(types)).select(list(types)).cast(pa.schema(types)).to_batches()
        )

    entry = FileFormat(
        "ORC",
        (".orc",),
        "none",
        typed,
        rows,
        lambda source, file, limits: orc.ORCFile(source).schema,
        "ORC data",
        lambda head: head.startswith(b"ORC"),
        disk_factor=3.0,
    )
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, entry))
    path = tmp_path / "x.orc"
    orc.write_table(pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["u", None]}), path)
    file = span(path)
    assert has_schema(file)
    assert not has_texts(file)
    assert infer_types(LOCAL, [file], ReadOptions()) == {"a": "int64", "b": "string"}
    assert declared_types(LOCAL, [file]) == {"a": "int64", "b": "string"}
    (batch,) = read_batches(LOCAL, file, {"b": pa.string(), "a": pa.int64()})
    assert batch.to_pydict() == {"b": ["u", None], "a": [1, 2]}
    assert disk.bytes_needed([("x.orc", 100)]) == disk.FIXED + 300


@pytest.mark.parametrize(("name", "factor"), [("a.pq", 4.0), ("a.parquet", 4.0), ("a.jsonl.zst", 6.0), ("a", 1.5)])
def test_the_estimate_of_disk_space_knows_every_suffix_of_a_format(name, factor):
    assert disk.bytes_needed([(name, 1000)]) == disk.FIXED + int(factor * 1000)
