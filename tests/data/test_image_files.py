"""PNG files and folders of them."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.image_files import encode_png, folder_digest, replace_folder


def test_png_is_8_bit_greyscale_and_keeps_every_pixel():
    pixels = np.array([[0, 1, 2], [253, 254, 255]], np.uint8)
    image = Image.open(io.BytesIO(encode_png(pixels)))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (3, 2))
    np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("pixels", [np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8)], ids=["floats", "colours"])
def test_other_pixels_are_refused(pixels: np.ndarray):
    with pytest.raises(ValueError, match="8-bit greyscale is uint8 of 2 dimensions, not"):
        encode_png(pixels)


def test_folder_is_replaced_as_a_whole(tmp_path: Path):
    folder = tmp_path / "photos" / "01"
    replace_folder(folder, [("a.png", b"1"), ("b.png", b"2")])
    replace_folder(folder, [("0/c.png", b"3")])
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.png")] == ["0/c.png"]
    assert folder.stat().st_mode & 0o777 == 0o755
    assert os.listdir(folder.parent) == ["01"]


def test_interruption_keeps_the_former_folder(tmp_path: Path):
    def interrupted() -> Iterator[tuple[str, bytes]]:
        yield "a.png", b"new"
        raise KeyboardInterrupt

    replace_folder(tmp_path / "01", [("a.png", b"old")])
    with pytest.raises(KeyboardInterrupt):
        replace_folder(tmp_path / "01", interrupted())
    assert (tmp_path / "01" / "a.png").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["01"]


def test_digest_tells_names_and_contents(tmp_path: Path):
    replace_folder(tmp_path / "1", [("a", b"xy"), ("b", b"z")])
    replace_folder(tmp_path / "2", [("b", b"z"), ("a", b"xy")])
    replace_folder(tmp_path / "3", [("a", b"x"), ("b", b"yz")])
    replace_folder(tmp_path / "4", [("a", b"xy"), ("c", b"z")])
    digests = [folder_digest(tmp_path / name) for name in "1234"]
    assert [digest[:2] for digest in digests] == [(2, 3)] * 4
    assert digests[0] == digests[1] and len({digest[2] for digest in digests}) == 3


def test_digest_of_a_missing_folder_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="No such folder"):
        folder_digest(tmp_path / "x")
