"""Exact and near duplicates of images within train and across the splits."""

from pathlib import Path

import pyarrow as pa
from PIL import Image

from components.arrow_example_gen.example_encoding import write_examples
from components.label_audit.image_duplicates import find_image_duplicates
from tests.components.shared.images.test_perceptual_hash import scene
from tests.components.shared.images.test_thumbnails import content


def as_png(image: Image.Image) -> bytes:
    import numpy as np

    return content(np.asarray(image))


def split(folder: Path, name: str, images: list[bytes | None]) -> str:
    (folder / name).mkdir()
    batch = pa.RecordBatch.from_pydict({"photo": pa.array(images, pa.binary())})
    write_examples([batch], str(folder / name / "data.gz"))
    return str(folder / name)


def test_duplicates_by_hand(tmp_path: Path) -> None:
    one, two, three = scene(1), scene(2), scene(3)
    grey, white = as_png(Image.new("L", (9, 9), 90)), as_png(Image.new("L", (9, 9), 255))
    train = [
        as_png(one),
        as_png(two),
        as_png(one),  # an exact copy of row 0
        as_png(one.resize((90, 90))),  # a near copy of row 0
        None,
        grey,
        grey,  # an exact copy of row 5
        white,
    ]
    later = [as_png(two.resize((70, 70))), as_png(three), white, as_png(Image.new("L", (9, 9), 30)), None]
    labels = ["a", "b", "a", "c", "a", "x", "x", None]
    uris = split(tmp_path, "Split-train", train), split(tmp_path, "Split-eval", later)
    found = find_image_duplicates(*uris, "photo", labels)
    assert (found.exact, found.near, found.conflicting, found.across) == (2, 3, 3, 2)
    assert found.groups == ((0, 2, 3), (5, 6))
    assert found.notes("photo") == [
        "photo: 3 train images are near duplicates of an earlier one, 3 of them in groups with different labels",
        "photo: 2 eval images are near duplicates of train images (data leakage)",
    ]
    assert found.to_json()["across"] == 2


def test_different_images_have_no_notes(tmp_path: Path) -> None:
    uris = [
        split(tmp_path, name, [as_png(scene(seed)) for seed in seeds])
        for name, seeds in (("Split-train", range(10)), ("Split-eval", range(10, 15)))
    ]
    found = find_image_duplicates(*uris, "photo", list("ab" * 5))
    assert found.notes("photo") == []
    assert found.groups == ()
