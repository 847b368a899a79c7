"""Small copies of images for reports, as data URIs."""

import base64
import io

import PIL.Image

from components.shared.images.decoding import decoded, eight_bit, open_image

SIDE = 96
"""Width or height of a thumbnail, whichever is larger."""
MAX_BYTES = 3 << 10
"""Size from which a thumbnail is a JPEG; photographs are smaller that way, drawings and small images as PNG."""


def thumbnail(content: bytes) -> str:
    """Returns a thumbnail as a data URI of at most about 6 KB.

    Smaller images are enlarged by whole factors without interpolation, so that their pixels can be seen.

    Args:
      content: An encoded image that ingest has accepted.

    Raises:
      ImageError: The image cannot be decoded.
    """
    image = eight_bit(decoded(open_image(content), SIDE))
    larger = max(image.size)
    if larger > SIDE:
        size = max(round(image.width * SIDE / larger), 1), max(round(image.height * SIDE / larger), 1)
        image = image.resize(size, PIL.Image.Resampling.BOX)
    elif (factor := SIDE // larger) > 1:
        image = image.resize((image.width * factor, image.height * factor), PIL.Image.Resampling.NEAREST)
    kind, written = "png", _written(image, "PNG")
    if len(written) > MAX_BYTES:
        kind, written = "jpeg", _written(image, "JPEG")
    return f"data:image/{kind};base64,{base64.b64encode(written).decode()}"


def _written(image: PIL.Image.Image, kind: str) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **({"quality": 80} if kind == "JPEG" else {"optimize": True}))
    return sink.getvalue()
