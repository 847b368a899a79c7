"""Opening of encoded images: formats, damage, bounds, and what a model can decode."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from components.shared.images.decoding import (
    ImageError,
    as_png,
    channels,
    decoded,
    eight_bit,
    image_format,
    is_servable,
    luma,
    open_image,
)

DRAW = np.random.default_rng(5)
GREY = DRAW.integers(0, 256, (12, 20), dtype=np.uint8)
COLOUR = DRAW.integers(0, 256, (12, 20, 3), dtype=np.uint8)


def written(pixels: np.ndarray | Image.Image, kind: str, **how) -> bytes:
    sink = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(sink, kind, **how)
    return sink.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims a size; its pixels are not there."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_formats_are_known_by_their_first_bytes(kind: str, pixels: np.ndarray) -> None:
    content = written(pixels, kind)
    assert image_format(content) == kind
    image = decoded(open_image(content))
    assert image.size == (20, 12)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PN", b"photos/1.png", b"id,label\n1,2\n", b"BM is no image, but text of some length"]
)
def test_other_content_is_no_image(content: bytes) -> None:
    assert image_format(content) == ""
    with pytest.raises(ImageError, match=r"is empty \(0 bytes\)" if not content else "is no image; legal formats: PNG"):
        open_image(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_damage_is_an_error_of_ours_at_any_length(kind: str) -> None:
    content = written(DRAW.integers(0, 256, (40, 40, 3), dtype=np.uint8), kind)
    refused: list[str] = []
    for end in (13, 30, len(content) // 3, len(content) // 2, len(content) - 40):
        try:
            decoded(open_image(content[:end]))
        except ImageError as exc:
            refused.append(str(exc))
    assert len(refused) >= 4  # the last bytes may be metadata
    assert all(kind in message and "\n" not in message for message in refused)
    for at in range(12, len(content), max(len(content) // 50, 1)):
        damaged = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        with contextlib.suppress(ImageError):  # a changed pixel is legal; anything else is an ImageError
            decoded(open_image(damaged))


def test_pixels_are_bounded_before_decoding() -> None:
    with pytest.raises(ImageError, match=r"has 10,000 x 10,000 pixels, more than 50,000,000; .*max_pixels"):
        open_image(bomb(10_000, 10_000))
    with pytest.raises(ImageError, match="max_pixels"):
        open_image(bomb(200_000, 200_000))
    with pytest.raises(ImageError, match="more than 100"):
        open_image(written(GREY, "PNG"), max_pixels=100)
    with pytest.raises(ImageError, match="is a (truncated|damaged) PNG file"):
        decoded(open_image(bomb(100, 100)))


def test_modes() -> None:
    rgba = Image.fromarray(COLOUR).convert("RGBA")
    cmyk = decoded(open_image(written(Image.fromarray(COLOUR).convert("CMYK"), "JPEG")))
    palette = decoded(open_image(written(Image.fromarray(COLOUR).convert("P"), "PNG")))
    deep = decoded(open_image(written(Image.fromarray((GREY.astype(np.uint16) << 8) + 77), "PNG")))
    two = decoded(open_image(written(Image.fromarray(GREY).convert("1"), "PNG")))
    found = {name: channels(one) for name, one in locals().items() if isinstance(one, Image.Image)}
    assert found == {"rgba": 3, "cmyk": 3, "palette": 3, "deep": 1, "two": 1}
    assert np.array_equal(np.asarray(eight_bit(deep)), GREY)  # the higher byte
    assert {eight_bit(one).mode for one in (rgba, cmyk, palette)} == {"RGB"}
    floats = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32))
    assert np.asarray(eight_bit(floats)).tolist() == [[0, 128, 255, 0]]


def test_luma_is_that_of_bt_601_and_bounded() -> None:
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs(luma(Image.fromarray(COLOUR)).astype(float) - COLOUR @ weights).max() <= 1
    wide = Image.fromarray(np.repeat(np.repeat(GREY, 50, axis=0), 50, axis=1))
    small = luma(wide, side=20)
    assert small.shape == (12, 20)
    assert np.array_equal(small, GREY)  # the mean of each square


def test_an_animation_counts_as_its_first_frame() -> None:
    frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (40, 200)]
    content = written(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert set(np.unique(luma(decoded(open_image(content))))) == {40}


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "BMP", "GIF"])
def test_what_a_model_cannot_decode_becomes_png(kind: str) -> None:
    how = {"lossless": True} if kind == "WEBP" else {}
    for pixels in (GREY, COLOUR) if kind != "GIF" else (GREY,):
        content = written(pixels, kind, **how)
        image = decoded(open_image(content))
        assert not is_servable(image)
        png = as_png(image)
        assert image_format(png) == "PNG"
        there = np.asarray(Image.open(io.BytesIO(png)))
        assert np.array_equal(there if there.ndim == pixels.ndim else there[..., 0], pixels)
    for kind_ in ("PNG", "JPEG"):
        assert is_servable(open_image(written(GREY, kind_)))
    assert not is_servable(open_image(written(Image.fromarray(COLOUR).convert("CMYK"), "JPEG")))


def test_a_large_jpeg_is_decoded_at_a_lower_resolution() -> None:
    content = written(np.zeros((1600, 1200), np.uint8), "JPEG")
    image = decoded(open_image(content), side=100)
    assert 100 <= min(image.size) < 400
    with pytest.raises(ImageError, match="is a truncated JPEG"):
        decoded(open_image(written(DRAW.integers(0, 256, (1600, 1200), dtype=np.uint8), "JPEG")[:-5000]), side=100)
