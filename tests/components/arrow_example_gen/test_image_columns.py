"""Image columns at ingest: paths and encoded images, statistics, problems by policy, the digest of the files."""

import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import fs

from components.arrow_example_gen.image_columns import STEP_BYTES, ImageOptions, noted_images, with_images
from components.arrow_example_gen.image_files import ImageFiles
from components.arrow_example_gen.source import Source
from components.shared.errors import InputError
from components.shared.examples.example_reading import example_batches, read_examples
from components.shared.images.statistic_names import PARTS
from components.table_reading.cells.type_mismatches import FileTypeMismatches, TypeMismatch
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile
from tests.components.arrow_example_gen.generating import generate
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server

COLUMNS = {"id": "string", "photo": "image", "y": "int64"}
OPTIONS = ImageOptions(("photo",))


def photo(level: int, kind: str = "PNG", size: tuple[int, int] = (6, 4)) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0]), level, np.uint8)).save(sink, kind)
    return sink.getvalue()


def table(values: list[bytes | None]) -> pa.RecordBatch:
    ids = [f"r{at}" for at in range(len(values))]
    return pa.RecordBatch.from_arrays([pa.array(ids), pa.array(values, pa.binary())], ["id", "photo"])


def files_of(folder: Path) -> ImageFiles:
    return ImageFiles(fs.LocalFileSystem(), str(folder), SpanFile(1, str(folder / "span-1.csv"), "span-1.csv", 1, 1))


def about(policy: str = "block") -> FileTypeMismatches:
    return FileTypeMismatches("span-1.csv", policy, header_row=1)


def loaded(
    folder: Path, values: list[bytes | None], options: ImageOptions = OPTIONS
) -> tuple[pa.Table, list[TypeMismatch]]:
    found: list[TypeMismatch] = []
    batches = list(with_images([table(values)], options, files_of(folder), about(), found))
    return pa.Table.from_batches(batches), found


def test_paths_and_encoded_images_become_encoded_images_with_statistics(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "1.png").write_bytes(photo(51))
    (tmp_path / "2.TIF").write_bytes(photo(102, "TIFF"))
    rows, problems = loaded(tmp_path, [b"a b/1.png", b"2.TIF", photo(255, "JPEG", (30, 10)), None, b""])
    assert problems == []
    assert rows.column_names == ["id", "photo", *(f"photo: {part}" for part in PARTS)]
    kept = rows["photo"].to_pylist()
    assert kept[0] == photo(51)
    assert kept[1][:4] == b"\x89PNG"
    assert kept[2] == photo(255, "JPEG", (30, 10))
    assert kept[3:] == [None, None]
    assert rows["photo: width"].to_pylist() == [6, 6, 30, None, None]
    assert rows["photo: height"].to_pylist() == [4, 4, 10, None, None]
    assert rows["photo: brightness"].to_pylist() == [
        pytest.approx(0.2),
        pytest.approx(0.4),
        pytest.approx(1),
        None,
        None,
    ]


OUTSIDE = "is outside of the data folder"
PROBLEMS = {
    "missing": (b"none.png", "no such file"),
    "a folder": (b"folder", "is a folder"),
    "empty": (b"empty.png", r"is empty \(0 bytes\)"),
    "truncated": (b"truncated.png", "is a (truncated|damaged) PNG file"),
    "without its end": (b"end.png", "is a (truncated|damaged) PNG file"),
    "text": (b"text.png", "is no image; legal formats"),
    "above": (b"../outside.png", OUTSIDE),
    "absolute": (b"/etc/passwd", OUTSIDE),
    "windows": (b"..\\outside.png", OUTSIDE),
    "a link that leads out": (b"link.png", OUTSIDE),
    "a folder that leads out": (b"linked/outside.png", OUTSIDE),
    "bytes": (bytes(range(200, 256)), "is neither an image nor a path"),
    "control characters": (b"a\nb.png", "is neither an image nor a path"),
    "NUL": (b"a\0.png", "is neither an image nor a path"),
    "too large": (b"large.png", r"has 40 x 40 pixels, more than 1,000"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "outside.png").write_bytes(photo(1))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "good.png").write_bytes(photo(2))
    (folder / "inner.png").symlink_to(folder / "good.png")
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_bytes(b"id,label\n")
    (folder / "truncated.png").write_bytes(photo(3, size=(64, 64))[:-30])
    (folder / "end.png").write_bytes(photo(3)[:-20])
    (folder / "large.png").write_bytes(photo(3, size=(40, 40)))
    return folder


@pytest.mark.parametrize(("value", "message"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_problem_names_file_column_row_and_reason(place: Path, value: bytes, message: str) -> None:
    options = ImageOptions(("photo",), max_pixels=1000 if b"large" in value else 10_000)
    with pytest.raises(
        InputError, match=rf"^span-1.csv: column 'photo', row 3 \(the header is row 1\): .*{message}"
    ) as error:
        loaded(place, [b"good.png", value], options)
    assert "\n" not in str(error.value)
    assert "on_unreadable" in str(error.value)


def test_problems_are_counted_under_the_policy_warn(place: Path) -> None:
    values = [b"good.png", *(value for value, _ in PROBLEMS.values() if b"large" not in value), b"inner.png"]
    rows, problems = loaded(place, values, ImageOptions(("photo",), on_unreadable="warn"))
    assert rows["photo"].to_pylist() == [photo(2), *[None] * (len(values) - 2), photo(2)]
    assert rows["photo: entropy"].null_count == len(values) - 2
    (problem,) = problems
    assert (problem.file, problem.column, problem.count, problem.row) == ("span-1.csv", "photo", len(values) - 2, 3)
    assert problem.kind == "unreadable_image"
    assert problem.value == "none.png: no such file"


def test_cmyk_becomes_png(tmp_path: Path) -> None:
    sink = io.BytesIO()
    Image.fromarray(np.full((6, 6, 3), 200, np.uint8)).convert("CMYK").save(sink, "JPEG")
    rows, _ = loaded(tmp_path, [sink.getvalue()])
    (content,) = rows["photo"].to_pylist()
    assert content[:4] == b"\x89PNG"
    assert np.abs(np.asarray(Image.open(io.BytesIO(content))).astype(int) - 200).max() <= 3


def test_batches_are_bounded_by_bytes(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    sink = io.BytesIO()
    Image.fromarray(draw.integers(0, 256, (1500, 1500), dtype=np.uint8)).save(sink, "PNG", compress_level=0)
    (tmp_path / "1.png").write_bytes(sink.getvalue())
    rows = 40
    tracemalloc.start()
    for _ in noted_images([table([b"1.png"] * 4 * rows)], OPTIONS, files_of(tmp_path)):
        pass
    for _ in with_images([table([b"1.png"] * 2 * rows)], OPTIONS, files_of(tmp_path), about()):
        pass
    assert tracemalloc.get_traced_memory()[1] < 100 << 20  # of 180 MB
    tracemalloc.stop()
    batches = list(with_images([table([b"1.png"] * rows)], OPTIONS, files_of(tmp_path), about()))
    assert sum(batch.num_rows for batch in batches) == rows
    assert max(batch.nbytes for batch in batches) < STEP_BYTES + (1 << 16)
    assert len(batches) >= rows * len(sink.getvalue()) // STEP_BYTES


def test_the_digest_follows_the_files_and_not_their_times(place: Path) -> None:
    rows = [table([b"good.png", photo(9), None]), table([b"empty.png"])]

    def digests() -> set[str]:
        noted, read = files_of(place), files_of(place)
        list(noted_images(rows, OPTIONS, noted))
        list(with_images(rows, ImageOptions(("photo",), on_unreadable="warn"), read, about()))
        return {noted.sha256("table"), read.sha256("table")}

    (before,) = digests()  # preflight and ingest agree
    os.utime(place / "good.png", ns=(1, 1))
    assert digests() == {before}
    (place / "good.png").write_bytes(photo(77))
    assert digests().isdisjoint({before})
    assert files_of(place).sha256("table") == "table"  # without files, as before


def test_the_state_notices_a_change_without_reading(place: Path) -> None:
    files = files_of(place)
    state = files.state(["good.png", "none.png"])
    assert state["none.png"] == ""
    assert files.state(state) == state
    (place / "good.png").write_bytes(photo(5, size=(7, 7)))
    assert files.state(state) != state


def spans(folder: Path, kind: str) -> Source:
    """Four spans of ten rows, with paths in CSV or encoded images in Parquet."""
    (folder / "photos").mkdir(parents=True)
    for span in range(1, 5):
        contents = [photo(span * 20 + row) for row in range(10)]
        for row, content in enumerate(contents):
            (folder / "photos" / f"{span}-{row}.png").write_bytes(content)
        values = contents if kind == "parquet" else [f"photos/{span}-{row}.png" for row in range(10)]
        frame = pd.DataFrame({"id": [f"s{span}r{row}" for row in range(10)], "photo": values, "y": [0, 1] * 5})
        if kind == "parquet":
            frame.to_parquet(folder / f"span-{span}.parquet", index=False)
        else:
            frame.to_csv(folder / f"span-{span}.csv", index=False)
    return Source(str(folder), f"span-{{span}}.{kind}", COLUMNS, "y", ["id"], 2, 0.3, ReadOptions(), images=OPTIONS)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_examples_hold_the_encoded_images(tmp_path: Path, kind: str) -> None:
    source = spans(tmp_path / "data", kind)
    assert Source.from_json(source.to_json()) == source
    generate(source, tmp_path / "out")
    split = str(tmp_path / "out/Split-train")
    rows = read_examples(split, ["id", "y", "photo: brightness", "photo: width"])
    assert rows["id"].tolist() == [f"s{span}r{row}" for span in (2, 3) for row in range(10)]
    levels = np.array([span * 20 + row for span in (2, 3) for row in range(10)])
    assert np.allclose(rows["photo: brightness"].astype(float), levels / 255, atol=1e-6)
    assert rows["photo: width"].tolist() == [6] * 20
    images = [value[0] for batch in example_batches(split) for value in batch.column("photo").to_pylist()]
    assert images == [photo(level) for level in levels]


def test_a_bucket_equals_a_folder(bucket, tmp_path: Path) -> None:
    local = spans(tmp_path / "data", "csv")
    for path in sorted((tmp_path / "data").rglob("*.*")):
        bucket.client.put_object(
            Bucket=bucket.bucket, Key=f"steel/{path.relative_to(tmp_path / 'data')}", Body=path.read_bytes()
        )
    remote = Source(**{**vars(local), "directory": f"s3://{bucket.bucket}/steel"})
    here, there = generate(local, tmp_path / "here"), generate(remote, tmp_path / "there")
    assert here.get_string_custom_property("data_fingerprint") == there.get_string_custom_property("data_fingerprint")
    columns = ["id", "photo: brightness", "photo: entropy"]
    one, other = (read_examples(str(tmp_path / f"{name}/Split-eval"), columns) for name in ("here", "there"))
    assert one.equals(other)
