"""Opens encoded images safely: the format by its first bytes, a bound on the pixels before anything is decoded.

A model decodes PNG and JPEG in its graph (tf.io.decode_image, which cannot make one channel of GIF and BMP). GIF (its
first frame), BMP, TIFF, WebP and JPEG in CMYK are converted by `as_png`, without loss of 8-bit values. Of
16-bit values the graph takes the higher byte, and so does `luma`. The orientation in EXIF data is not applied.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
"""Default of the maximum number of pixels, 150 MB as RGB."""
STATISTICS_SIDE = 256
"""Maximum width and height at which statistics are computed, so that their cost and the sharpness do not depend on the
resolution of the camera."""

GREY_IMAGE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\n"
    b"IDATx\x9cch\x00\x00\x00\x82\x00\x81w\xcdr\xb6\x00\x00\x00\x00IEND\xaeB`\x82"
)
"""A PNG of one grey pixel of 8 bits, which stands for a missing image."""

_NATIVE = ("PNG", "JPEG")
_CONVERTED = ("GIF", "BMP", "TIFF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
"""Suffixes of the files that can be read, in lower case."""


class ImageError(ValueError):
    """An image cannot be used; the message is the reason, without its name."""


def image_format(content: bytes) -> str:
    """Returns the format that the first 12 bytes of an image prove, such as "PNG"; "" for other content."""
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if content[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if content[:4] in (b"II*\x00", b"MM\x00*"):
        return "TIFF"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[:2] == b"BM" and len(content) >= 26 and content[6:10] == b"\0\0\0\0":
        return "BMP"
    return ""


def is_native(content: bytes) -> bool:
    """Whether a model decodes the format of an image."""
    return image_format(content) in _NATIVE


def open_image(content: bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """Reads the header of an image; its pixels are decoded when they are first used, see `decoded`.

    Args:
      content: The encoded image.
      max_pixels: Maximum width times height.

    Raises:
      ImageError: The content is empty, is in none of the formats, has a damaged header or too many pixels.
    """
    import PIL.Image

    if not content:
        raise ImageError("is empty (0 bytes)")
    kind = image_format(content)
    if not kind:
        raise ImageError(f"is no image; legal formats: {', '.join((*_NATIVE, *_CONVERTED))}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit on pixels warns; ours is checked below
            image = PIL.Image.open(io.BytesIO(content), formats=[kind])
    except PIL.Image.DecompressionBombError as exc:
        raise ImageError(f"has more than {max_pixels:,} pixels ([image] max_pixels)") from exc
    except (OSError, ValueError, SyntaxError, OverflowError, EOFError, TypeError) as exc:
        raise ImageError(f"is a damaged {kind} file") from exc
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"has {image.width:,} x {image.height:,} pixels, more than {max_pixels:,}; scale it down, or raise "
            "[image] max_pixels"
        )
    return image


def decoded(image: Image, side: int = 0) -> Image:
    """Decodes all pixels of an image, so that a truncated file is noticed.

    Args:
      image: A result of `open_image`.
      side: For JPEG, a width and height at which the result may be decoded instead, if its own are larger; saves most
        of the time. 0 decodes it as it is.

    Raises:
      ImageError: The file is truncated or damaged.
    """
    kind = image.format
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if side and kind == "JPEG" and min(image.size) > 2 * side:
                image.draft(None, (side, side))
            image.load()
    except Exception as exc:  # decoders of damaged files raise errors of many types
        # The message of Pillow may hold the address of a buffer or the number of bytes left: not for a user.
        what = "truncated" if "truncat" in str(exc).lower() or isinstance(exc, EOFError) else "damaged"
        raise ImageError(f"is a {what} {kind} file") from exc
    return image


def image_problem(content: bytes) -> str:
    """Returns why a model cannot decode an image; "" if it can."""
    if not is_native(content):
        kind = image_format(content)
        return (
            f"is {kind}, convert it to PNG" if kind else "is no image; send the bytes of a PNG or JPEG file in base64"
        )
    try:
        decoded(open_image(content))
    except ImageError as exc:
        return str(exc)
    return ""


def channels(image: Image) -> int:
    """Returns the number of channels with which a model can use an image: 1 (greyscale) or 3 (colour)."""
    return 1 if image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;") else 3


def luma(image: Image, side: int = STATISTICS_SIDE) -> np.ndarray:
    """Returns the luma (ITU-R BT.601) of a decoded image, uint8 [height, width], each at most `side`.

    Larger images are scaled down by averaging, the ratio of their sides is kept.
    """
    import PIL.Image

    grey = eight_bit(image)
    if grey.mode != "L":
        grey = grey.convert("L")
    if max(grey.size) > side:
        factor = side / max(grey.size)
        size = max(round(grey.width * factor), 1), max(round(grey.height * factor), 1)
        grey = grey.resize(size, PIL.Image.Resampling.BOX)
    return np.asarray(grey)


def eight_bit(image: Image) -> Image:
    """Converts a decoded image of any mode to "L" or "RGB" with 8 bits; of 16-bit values the higher byte."""
    import PIL.Image

    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "F":
        values = np.clip(np.nan_to_num(np.asarray(image, np.float64)), 0, None)
        top = float(values.max(initial=0.0))
        scale = 255.0 if top <= 1 else 1.0 if top <= 255 else 255.0 / top
        return PIL.Image.fromarray((values * scale + 0.5).astype(np.uint8))
    if image.mode == "I" or image.mode.startswith("I;"):
        return PIL.Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("L" if channels(image) == 1 else "RGB")


def is_servable(image: Image) -> bool:
    """Whether a model decodes the image as it is: PNG, and JPEG in greyscale or RGB."""
    return image.format in _NATIVE and image.mode != "CMYK"


def as_png(image: Image) -> bytes:
    """Encodes a decoded image as PNG with 8 bits."""
    sink = io.BytesIO()
    eight_bit(image).save(sink, "PNG", compress_level=1)
    return sink.getvalue()
