"""Thumbnails: size, format and content."""

import base64
import io

import numpy as np
from PIL import Image

from components.shared.images.thumbnails import SIDE, thumbnail

DRAW = np.random.default_rng(4)


def content(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    sink = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(sink, kind)
    return sink.getvalue()


def opened(uri: str) -> tuple[str, np.ndarray]:
    head, _, data = uri.partition(";base64,")
    return head, np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_small_image_keeps_its_pixels() -> None:
    pixels = DRAW.integers(0, 256, (8, 8))
    head, found = opened(thumbnail(content(pixels)))
    assert head == "data:image/png"
    assert found.shape == (96, 96)
    assert np.array_equal(found[::12, ::12], pixels)


def test_a_photograph_is_small() -> None:
    noise = DRAW.integers(0, 256, (1200, 900, 3))
    uri = thumbnail(content(np.kron(DRAW.integers(0, 256, (60, 45, 3)), np.ones((20, 20, 1))), "JPEG"))
    head, found = opened(uri)
    assert head == "data:image/jpeg"
    assert found.shape == (SIDE, 72, 3)
    assert max(len(uri), len(thumbnail(content(noise, "JPEG")))) < 8 << 10


def test_narrow_images() -> None:
    assert opened(thumbnail(content(np.full((1, 3000), 7))))[1].shape == (1, 96)
    assert opened(thumbnail(content(np.full((64, 1), 7))))[1].shape == (64, 1)
