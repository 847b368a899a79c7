"""Names of the columns of image statistics, see image_statistics.py. Imports no library, for runs that are cached."""

from collections.abc import Iterable

PARTS = ("width", "height", "channels", "brightness", "contrast", "sharpness", "entropy")
"""Names of the statistics; the column is named `<image column>: <part>`."""
INTEGERS = frozenset({"width", "height", "channels"})


def column_name(image_column: str, part: str) -> str:
    """Returns the name of the column of a statistic of PARTS."""
    return f"{image_column}: {part}"


def statistics_columns(image_columns: Iterable[str]) -> list[str]:
    """Returns the names of the columns of all statistics of image columns."""
    return [column_name(column, part) for column in image_columns for part in PARTS]
