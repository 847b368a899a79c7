"""What the label column must be before a run is worth its time: there, and of more than one value in every split."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import InputError


class LabelCount:
    """Passes batches on without the rows that have no label, and counts what went by.

    Attributes:
      values: Distinct label values seen, with their counts, at most `limit` of them.
      rows: Rows passed on.
      unlabelled: Rows left out because their label is missing.
    """

    def __init__(self, label: str, limit: int = 1000) -> None:
        self.label = label
        self.limit = limit
        self.values: Counter = Counter()
        self.rows = 0
        self.unlabelled = 0

    def labelled(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yields the rows with a label."""
        for batch in batches:
            column = batch.column(self.label)
            missing = pc.is_null(column, nan_is_null=True)  # NaN is no label either
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
        """Label value as text -> rows; empty where there are more values than are kept."""
        return {} if len(self.values) >= self.limit else {str(value): rows for value, rows in self.values.items()}

    def check(self, split: str, place: str) -> None:
        """InputError unless the split has rows and, among its labels, at least two values."""
        if self.rows == 0:
            raise InputError(f"{place}: no row of split {split} has a value in the label column '{self.label}'")
        if len(self.values) < 2:
            (value,) = self.values
            raise InputError(
                f"{place}: the label column '{self.label}' is {value!r} in all {self.rows:,} rows of split {split}; "
                "a model needs at least two values to learn from and to be judged on"
            )
