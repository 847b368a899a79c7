"""Counts label values and checks that every split has labelled rows with at least two label values."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import InputError


class LabelCounter:
    """Drops rows without a label from a stream of batches and counts label values.

    Attributes:
      label: Label column.
      limit: Counting stops after the batch in which this many distinct values are reached.
      values: Label value -> rows.
      rows: Rows that have a label.
      unlabelled: Rows dropped because their label is missing.
    """

    def __init__(self, label: str, limit: int = 1000) -> None:
        self.label = label
        self.limit = limit
        self.values: Counter = Counter()
        self.rows = 0
        self.unlabelled = 0

    def labelled(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yields the batches without the rows whose label is null or NaN."""
        for batch in batches:
            column = batch.column(self.label)
            missing = pc.is_null(column, nan_is_null=True)
            if count := pc.sum(missing).as_py():
                self.unlabelled += count
                batch = batch.filter(pc.invert(missing))
                column = batch.column(self.label)
            self.rows += batch.num_rows
            if len(self.values) < self.limit:
                self.values.update({pair["values"]: pair["counts"] for pair in pc.value_counts(column).to_pylist()})
            yield batch

    @property
    def counts(self) -> dict[str, int]:
        """Label value as text -> rows; empty if `limit` was reached."""
        return {} if len(self.values) >= self.limit else {str(value): rows for value, rows in self.values.items()}

    def check(self, split: str, place: str) -> None:
        """Raises InputError unless there are labelled rows with at least two label values.

        Args:
          split: Name of the split, for messages.
          place: Folder or URL of the data, for messages.
        """
        if self.rows == 0:
            raise InputError(f"{place}: no row of split {split} has a value in the label column '{self.label}'")
        if len(self.values) < 2:
            (value,) = self.values
            raise InputError(
                f"{place}: the label column '{self.label}' is {value!r} in all {self.rows:,} rows of split {split}; "
                "training and evaluation need at least two values"
            )
