"""The table [image]: reading and encoding of image columns."""

from typing import Annotated, Literal

from pydantic import Field

from components.shared.images.decoding import MAX_PIXELS
from pipeline.settings.sections.section import ConfigSection, Policy


class ImageSection(ConfigSection):
    """Reading and encoding of the columns `image` of [features].

    An image is decoded and resized in the model's graph. All candidates of [training] get it as a few numbers: the
    first `dimensions` principal components of its wavelet scattering coefficients, half of them of the coefficients by
    place, half of statistics over all places. The network of [training] also gets the pixels.
    """

    size: Annotated[int, Field(ge=16, le=256, multiple_of=8)] | Literal["auto"] = "auto"
    """Width and height, in pixels, to which images are resized; `auto` is the median of the larger sides, between 16
    and 64."""
    channels: Literal[1, 3, "auto"] = "auto"
    """1 converts images to greyscale, 3 to RGB; `auto` is 3 if at least 2 % of the images have colour."""
    dimensions: Annotated[int, Field(ge=2, le=300)] = 64
    """Number of principal components."""
    max_fit_rows: Annotated[int, Field(ge=100)] = 5_000
    """Maximum number of images that the components are fitted on, sampled at random."""
    max_pixels: Annotated[int, Field(ge=1024)] = MAX_PIXELS
    """Maximum number of pixels of an image file, width times height; checked before it is decoded."""
    on_unreadable: Policy = "block"
    """Policy for images that cannot be used (missing, truncated, too large, outside of the data folder): `block` stops
    before training, `warn` counts them and reads them as missing."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Random seed of samples and of the principal components."""
