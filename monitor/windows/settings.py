"""Settings of the windows; [monitor] of pipeline.toml documents each and has the defaults."""

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class WindowSettings:
    """What a window is, how much of it is looked at, and when its labels count as complete.

    Attributes:
      every: Length of a window by event time, aligned to midnight UTC (weeks to Monday); None for windows by `rows`.
      rows: Number of answered rows of a window, where `every` is None.
      lateness: Time after the end of a window that late rows have before it is measured.
      sample_rows: Maximum number of rows of a window that distributions are computed from; counts are exact.
      seed: Seed of the samples.
      delay_quantile: A window is mature when labels as late as this quantile of the label delay are in, in (0, 1].
      label_delay: Delay after which all labels count as in; None: from the delays of the labels so far.
    """

    every: timedelta | None = timedelta(days=1)
    rows: int = 0
    lateness: timedelta = timedelta(seconds=10)
    sample_rows: int = 20_000
    seed: int = 13
    delay_quantile: float = 0.95
    label_delay: timedelta | None = None

    def __post_init__(self) -> None:
        """Raises ValueError if there is no window."""
        if (self.every is None) == (self.rows == 0):
            raise ValueError("a window has either `every` or `rows`")
        if self.every is not None and self.every < timedelta(seconds=1):
            raise ValueError("every: must be at least 1s")

    def to_text(self) -> str:
        """The kind of window, as the store keeps it: windows of two kinds cannot be one history."""
        return f"{self.rows} rows" if self.every is None else f"{self.every.total_seconds():g} s"


def duration(text: str) -> timedelta:
    """Reads a duration such as "30min", "6h", "1d" or "2w"; ValueError with the legal units for something else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no duration; give a number with a unit: {', '.join(_UNITS)}, such as 6h or 1d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})
