"""The table [features]: columns that are features, by kind."""

from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Names


class FeaturesSection(ConfigSection):
    """Feature columns by kind. Columns of the data that are not listed stay in the examples, but are not features."""

    categorical: Names = ()
    """Columns of names or codes, encoded by a vocabulary."""
    numeric: Names = ()
    """Columns of quantities."""
    cyclical: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Column -> period of a cyclical quantity, such as 1440 for minutes of a day."""
    text: Names = ()
    """Columns of free text (reviews, titles, notes), encoded by word and character n-grams, see [text]."""
    image: Names = ()
    """Columns of images: encoded (PNG, JPEG, GIF, BMP, TIFF, WebP) or paths relative to the folder of the table, see
    [image]. For each, columns of statistics such as `photo: brightness` are added to the examples."""
    dates: Names = ()
    """Dates and timestamps. Features are month, weekday, day of the month and of the year, hour, and the age at
    [dataset] time in days; the timestamp itself is not. Parts that are constant in `train` are omitted and, if rows are
    ordered in time, parts that do not recur in it, such as the month in a window of three months."""
    times: Names = ()
    """Times of day in seconds since midnight, encoded as cyclical columns with the period of a day."""
    lists: Names = ()
    """Columns of lists. Lists of text become an indicator column for each frequent item (`min_count`, at most 64) and
    the number of items; lists of numbers become count, mean, minimum and maximum."""
    min_count: Annotated[int, Field(ge=1)] = 10
    """Minimum number of train rows of a categorical value; rarer values are out of vocabulary."""

    @model_validator(mode="after")
    def _each_once(self) -> "FeaturesSection":
        names = self.names
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise ValueError(f"{', '.join(twice)}: named more than once; keep one")
        if not names:
            raise ValueError(
                "no feature is named; fill categorical, numeric, cyclical, text, image, dates, times or lists"
            )
        return self

    @property
    def names(self) -> Names:
        """Names of all feature columns, in the order of the file."""
        numbers = (*self.categorical, *self.numeric, *self.cyclical)
        return (*numbers, *self.text, *self.image, *self.times, *self.dates, *self.lists)
