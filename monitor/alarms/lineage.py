"""What is known of where columns and rows come from, as the attribution of causes needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lineage:
    """Lineage of columns and rows.

    Attributes:
      upstream: Derived column -> columns it is derived from, such as {"date_month": ("date",)}.
      sources: Source of rows, such as a span -> text for a person, such as "span 7 (span-07.csv)".
    """

    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def origin(self, column: str) -> str:
        """The one column of the source that a column is derived from; itself if it is none or several."""
        seen = set()
        while len(self.upstream.get(column, ())) == 1 and column not in seen:
            seen.add(column)
            column = self.upstream[column][0]
        return column

    def text(self, source: str) -> str:
        """Name of a source for a person."""
        return self.sources.get(source, source)
