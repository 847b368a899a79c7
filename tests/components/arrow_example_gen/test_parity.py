"""Parity with TFX's CsvExampleGen, except for the differences tested here."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import fs

from components.arrow_example_gen.example_encoding import write_examples
from components.shared.errors import InputError
from components.table_reading.column_types import arrow_types
from components.table_reading.readers import read_batches
from components.table_reading.spans import SpanFile

pytestmark = pytest.mark.slow

TYPES = {"id": "string", "n": "int64", "x": "float64", "s": "string"}
HEADER = "id,n,x,s\n"

SAME = {
    "plain": HEADER + "a,1,0.5,one\nb,-2,1e-3,two\nc,9223372036854775807,3,three\n",
    "quoted_newlines": HEADER + 'a,1,0.5,"one\ntwo"\nb,2,1.5,"\n"\nc,3,2.5,"x\n\ny"\n',
    "quotes_in_quotes": HEADER + 'a,1,0.5,"say ""hi"""\n"b",2,1.5,""""\nc,"3","2.5","a,b"\n',
    "empty_cells": HEADER + "a,,,\nb,1,,x\nc,,0.5,y\nd,2,1.5,\n",
    "zeros": HEADER + "a,0,0.0,0\nb,-0,-0.0,False\nc,1,0.5,none\n",
    "crlf": (HEADER + "a,1,0.5,one\nb,2,,two\n").replace("\n", "\r\n"),
    "whole_floats": HEADER + "a,1,2,x\nb,2,2.5,x\nc,3,1e20,x\n",
    "no_line_end": HEADER + "a,1,0.5,one\nb,2,1.5,two",
    "blank_lines": HEADER + "a,1,0.5,one\n\n\nb,2,1.5,two\n\n",
    "beyond_ascii": HEADER + "ä,1,0.5,日本\n🛫,2,1.5,é\n",
    "blanks_around_text": HEADER + "a,1,0.5, one \nb,2,1.5,\ttwo\n",
    "inf_and_tiny": HEADER + "a,1,inf,x\nb,2,-inf,x\nc,3,1e-50,x\n",
}
"""File name -> content for which CsvExampleGen and ArrowExampleGen produce equal examples."""

DIFFERENT = {
    "empty_strings": HEADER + 'a,1,0.5,""\nb,2,1.5,\n',
    "codes": HEADER + "007,1,0.5,x\n008,2,1.5,y\n",
    "all_empty_column": HEADER + "a,1,,\nb,2,,\n",
    "byte_order_mark": "\ufeff" + HEADER + "a,1,0.5,x\n",
    "crlf_in_quotes": HEADER + 'a,1,0.5,"one\r\ntwo"\n',
    "beyond_float32": HEADER + "a,1,1e300,x\n",
}

Example = dict[str, list]


def features(record: bytes) -> Example:
    """Feature -> values; features without values are omitted."""
    import tensorflow as tf

    found = {}
    for name, feature in tf.train.Example.FromString(record).features.feature.items():
        kind = feature.WhichOneof("kind")
        if kind and getattr(feature, kind).value:
            found[name] = list(getattr(feature, kind).value)
    return found


def ordered(examples: list[Example]) -> list[Example]:
    return sorted(examples, key=lambda example: repr(example.get("n", example.get("id"))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parity")
    for name, text in {**SAME, **DIFFERENT}.items():
        (folder / f"{name}.csv").write_bytes(text.encode())
    return folder


@pytest.fixture(scope="module")
def stock(folder) -> dict[str, list[Example]]:
    """File name -> examples of TFX's CsvExampleGen; all files in one Beam pipeline."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from tfx.components.example_gen.csv_example_gen.executor import _CsvToExample

    names = [*SAME, *DIFFERENT]
    options = PipelineOptions(["--runner=FnApiRunner"])
    with beam.Pipeline(options=options) as pipeline:
        made = [
            pipeline
            | f"{name} read" >> _CsvToExample({"input_base": str(folder)}, f"{name}.csv")
            | f"{name} tag" >> beam.Map(lambda example, name: name.encode() + b":" + example.SerializeToString(), name)
            for name in names
        ]
        _ = made | beam.Flatten() | beam.io.WriteToTFRecord(str(folder / "stock"), num_shards=1)
    import tensorflow as tf

    found: dict[str, list[Example]] = {name: [] for name in names}
    for record in tf.data.TFRecordDataset(str(folder / "stock-00000-of-00001")).as_numpy_iterator():
        name, _, serialized = record.partition(b":")
        found[name.decode()].append(features(serialized))
    return {name: ordered(examples) for name, examples in found.items()}


def ours(folder: Path, name: str) -> list[Example]:
    import tensorflow as tf

    path = folder / f"{name}.csv"
    file = SpanFile(1, str(path), path.name, path.stat().st_size, 0)
    write_examples(read_batches(fs.LocalFileSystem(), file, arrow_types(TYPES)), f"{path}.tfrecord")
    return ordered([features(one) for one in tf.data.TFRecordDataset(f"{path}.tfrecord", "GZIP").as_numpy_iterator()])


@pytest.mark.parametrize("name", SAME)
def test_examples_equal_those_of_csv_example_gen(folder, stock, name):
    assert stock[name]
    assert ours(folder, name) == stock[name]


def test_a_quoted_empty_string_is_a_value_where_stock_has_it_missing(folder, stock):
    theirs, mine = stock["empty_strings"], ours(folder, "empty_strings")
    assert [row.get("s") for row in theirs] == [None, None]
    assert [row.get("s") for row in mine] == [[b""], None]


def test_codes_are_text_where_stock_makes_numbers_of_them(folder, stock):
    assert [row["id"] for row in stock["codes"]] == [[7], [8]]
    assert [row["id"] for row in ours(folder, "codes")] == [[b"007"], [b"008"]]


def test_an_empty_column_has_no_values_in_both_but_a_type_in_ours(folder, stock):
    assert ours(folder, "all_empty_column") == stock["all_empty_column"]
    path = folder / "all_empty_column.csv"
    file = SpanFile(1, str(path), path.name, path.stat().st_size, 0)
    (batch,) = read_batches(fs.LocalFileSystem(), file, arrow_types(TYPES))
    assert batch.schema.field("x").type == pa.float64()


def test_a_byte_order_mark_is_no_part_of_a_name_as_it_is_in_stock(folder, stock):
    (theirs,), (mine,) = stock["byte_order_mark"], ours(folder, "byte_order_mark")
    assert "\ufeffid" in theirs
    assert mine == {"id": [b"a"], "n": [1], "x": [0.5], "s": [b"x"]}


def test_crlf_in_quotes_is_kept(folder, stock):
    (mine,) = ours(folder, "crlf_in_quotes")
    assert mine["s"] == [b"one\r\ntwo"]
    assert stock["crlf_in_quotes"] == [mine]


def test_a_float_beyond_float32_is_infinite_in_both(folder, stock):
    (mine,) = ours(folder, "beyond_float32")
    assert mine["x"] == [float("inf")]
    assert stock["beyond_float32"] == [mine]


def test_headers_in_another_order_are_an_error_in_stock_and_sorted_out_by_us(tmp_path):
    import apache_beam as beam
    from tfx.components.example_gen.csv_example_gen.executor import _CsvToExample

    (tmp_path / "a.csv").write_text(HEADER + "a,1,0.5,x\n")
    (tmp_path / "b.csv").write_text("s,x,n,id\nx,0.5,1,a\n")
    with pytest.raises(RuntimeError, match="different header"):
        beam.Pipeline(options=beam.options.pipeline_options.PipelineOptions([])) | _CsvToExample(
            {"input_base": str(tmp_path)}, "*.csv"
        )
    assert ours(tmp_path, "a") == ours(tmp_path, "b") == [{"id": [b"a"], "n": [1], "x": [0.5], "s": [b"x"]}]


def test_other_headers_are_an_error_in_both(tmp_path):
    (tmp_path / "a.csv").write_text("id,n,x,other\na,1,0.5,x\n")
    with pytest.raises(InputError, match="column 's' is missing"):
        ours(tmp_path, "a")
