"""Spans and corrections in a bucket of an S3 server on loopback, see AWS_ENDPOINT_URL."""

import gzip
import json
import socket
from pathlib import Path

import pandas as pd
import pytest

from components.arrow_example_gen.corrections_file import Correction, corrections_csv, read_corrections
from components.arrow_example_gen.source import Source
from components.shared.errors import InputError
from components.shared.examples.example_reading import read_examples
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import find_spans
from pipeline.preflight.data_check import check_data
from tests.components.arrow_example_gen.generating import generate
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server

COLUMNS = {"id": "string", "x": "float64", "y": "int64"}
KINDS = ["csv", "csv.gz", "parquet"]


def content(span: int, kind: str) -> bytes:
    """Ten rows with ids s<span>r<n>, x = n / 4 and y = 0, 1, 0, 1, ..."""
    table = pd.DataFrame({"id": [f"s{span}r{n}" for n in range(10)], "x": [n / 4 for n in range(10)], "y": [0, 1] * 5})
    if kind == "parquet":
        written: bytes = table.to_parquet(index=False)
        return written
    text = table.to_csv(index=False).encode()
    # A gzip header holds the time by default; two calls in different seconds have to return equal bytes here.
    return gzip.compress(text, mtime=0) if kind == "csv.gz" else text


def source(directory: str, kind: str = "csv", corrections: str = "") -> Source:
    pattern = f"span-{{span}}.{kind}"
    return Source(directory, pattern, COLUMNS, "y", ["id"], 2, 0.3, ReadOptions(), corrections)


def filled(bucket, kind: str) -> str:
    for span in (1, 2, 3, 4):
        bucket.client.put_object(Bucket=bucket.bucket, Key=f"a b/spans/span-{span}.{kind}", Body=content(span, kind))
    return f"s3://{bucket.bucket}/a%20b/spans"


def told(ask) -> str:
    with pytest.raises(InputError) as error:
        ask()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_preflight_of_a_bucket_equals_that_of_a_folder(bucket, tmp_path: Path, kind: str) -> None:
    (tmp_path / "spans").mkdir()
    for span in (1, 2, 3, 4):
        (tmp_path / "spans" / f"span-{span}.{kind}").write_bytes(content(span, kind))
    remote, local = source(filled(bucket, kind), kind), source(str(tmp_path / "spans"), kind)
    files = [{"name": Path(one.name).name, "span": one.span, "bytes": one.bytes} for one in remote.files(None).files]
    assert [one["name"] for one in files] == [f"span-{span}.{kind}" for span in (2, 3, 4)]
    assert [one["bytes"] for one in files] == [len(content(span, kind)) for span in (2, 3, 4)]
    cache = tmp_path / "scans.json"
    fingerprint = check_data(local, None, tmp_path / "other.json").fingerprint
    assert check_data(remote, None, cache).fingerprint == fingerprint
    bucket.client.put_object(Bucket=bucket.bucket, Key=f"a b/spans/span-4.{kind}", Body=content(5, kind))
    assert (
        check_data(remote, None, cache).fingerprint != fingerprint
    )  # the object changed, so the cached scan is not used


@pytest.mark.slow
def test_the_component_reads_a_window_with_its_corrections(bucket, tmp_path: Path) -> None:
    wanted = [("s2r0", "y", "1"), ("s3r1", "x", "9"), ("s4r0", "", "drop")]
    text = corrections_csv(Correction(*cells, "", "ann", "2026-11-21") for cells in wanted)
    bucket.client.put_object(Bucket=bucket.bucket, Key="corrections.csv", Body=text.encode())
    described = source(filled(bucket, "csv.gz"), "csv.gz", f"s3://{bucket.bucket}/corrections.csv")
    checked = check_data(described, None, tmp_path / "scans.json")
    assert (checked.corrections.ids, checked.corrections.here) == (3, 3)

    examples = generate(described, tmp_path / "out", fingerprint=checked.fingerprint)
    assert json.loads(examples.get_string_custom_property("spans")) == {"train": [2, 3], "eval": [4]}
    assert json.loads(examples.get_string_custom_property("rows")) == {"train": 20, "eval": 9}
    splits = {
        split: {
            row.id: (row.x, row.y)
            for row in read_examples(str(tmp_path / f"out/Split-{split}"), list(COLUMNS)).itertuples()
        }
        for split in ("train", "eval")
    }
    expected = {f"s{span}r{n}": (n / 4, n % 2) for span in (2, 3) for n in range(10)}
    assert splits["train"] == {**expected, "s2r0": (0.0, 1), "s3r1": (9.0, 1)}
    assert splits["eval"] == {f"s4r{n}": (n / 4, n % 2) for n in range(1, 10)}
    assert (tmp_path / "out" / "corrections.csv").read_text() == text


def test_missing_objects_are_named(bucket) -> None:
    folder = filled(bucket, "csv")
    assert "no file matches span-{span}.parquet" in told(lambda: find_spans(folder, "span-{span}.parquet"))
    assert "nowhere: no such folder" in told(lambda: find_spans(f"s3://{bucket.bucket}/nowhere", "span-{span}.csv"))
    assert "bucket does not exist" in told(lambda: find_spans("s3://nowhere/spans", "span-{span}.csv"))
    for missing in (f"s3://{bucket.bucket}/none.csv", "s3://nowhere/none.csv"):
        assert told(lambda missing=missing: read_corrections(missing)).startswith(f"{missing}: no such file")


def test_wrong_keys(bucket) -> None:
    folder = filled(bucket, "csv")
    with bucket.server.checking_keys():
        assert "check AWS_ACCESS_KEY_ID" in told(lambda: find_spans(folder, "span-{span}.csv"))
        assert "cannot be read" in told(lambda: read_corrections(f"{folder}/span-1.csv"))


def test_unreachable_endpoint(bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but it does not listen
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert "check AWS_ENDPOINT_URL" in told(lambda: find_spans("s3://b/spans", "span-{span}.csv"))


def test_an_object_that_is_deleted_while_it_is_read(bucket) -> None:
    described = source(filled(bucket, "csv"))
    (file,) = described.files(None).eval
    bucket.client.delete_object(Bucket=bucket.bucket, Key="a b/spans/span-4.csv")
    assert "span-4.csv: no such file" in told(lambda: list(described.read(file, "eval")))
