"""The table [features]: which columns the model may see, by kind."""

from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Names


class FeaturesSection(ConfigSection):
    """Columns the model may see, by kind. A column of the data that is in none of them is carried, not learned from."""

    categorical: Names = ()
    """Columns whose values are names or codes; each value is learned by itself."""
    numeric: Names = ()
    """Columns whose values are amounts: more and less mean something."""
    cyclical: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Column -> period: values that are a period apart mean the same, as minutes of a day (1440) do."""
    text: Names = ()
    """Columns of free text: reviews, titles, notes. What their words and letters say is learned, see [text]."""
    dates: Names = ()
    """Dates and time stamps: learned by their month, weekday, day of the month and of the year, and hour, and by their
    age at [dataset] time, in days; never by the running number. Parts that do not vary in `train` are left out, and
    where rows are ordered in time also those that do not come back within it: of three months the fourth is new."""
    times: Names = ()
    """Times of day, in seconds since midnight: cyclical columns with the period of a day."""
    lists: Names = ()
    """Columns of several values a row. Of texts, the most frequent (`min_count`, at most 64) have a column each that
    says whether the row has them, and their number is one; of numbers: number, mean, least and greatest."""
    min_count: Annotated[int, Field(ge=1)] = 10
    """Categorical values seen fewer times in `train` are learned as one, the same that stands for values never seen."""

    @model_validator(mode="after")
    def _each_once(self) -> "FeaturesSection":
        names = self.names
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise ValueError(f"{', '.join(twice)}: named more than once; keep one")
        if not names:
            raise ValueError("no feature is named; fill categorical, numeric, cyclical, text, dates, times or lists")
        return self

    @property
    def names(self) -> Names:
        """All feature columns, in the order in which they are written."""
        return (*self.categorical, *self.numeric, *self.cyclical, *self.text, *self.times, *self.dates, *self.lists)
