"""What is kept of the values while all rows are read once: a sample, and whether fractions are integers after all."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.shared.features.large_integers import FLOAT32


@dataclass
class WholeNumbers:
    """Whether float64 or decimal values are all whole and within int64, and whether some are too large for float32."""

    all_whole: bool = True
    some_large: bool = False

    @property
    def are_large(self) -> bool:
        """Whether they are integers that float32 does not tell apart."""
        return self.all_whole and self.some_large

    def add(self, column: pa.Array) -> None:
        """Takes in a batch's values."""
        if not self.all_whole:
            return
        values = column.cast(pa.float64(), safe=False).drop_null().to_numpy(zero_copy_only=False)
        values = values[~np.isnan(values)]
        if len(values):
            size = np.abs(values)
            self.all_whole = bool((size < 2.0**63).all() and (np.trunc(values) == values).all())
            self.some_large |= bool((size > FLOAT32).any())


@dataclass
class Sample:
    """At most `limit` rows of a stream, each as likely as any other, in their order; the same for the same stream.

    Attributes:
      limit: Rows kept at most.
      batches: The rows kept.
      files: For each batch, the number of its file.
    """

    limit: int
    batches: list[pa.RecordBatch] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    _draws: list[np.ndarray] = field(default_factory=list)
    _share: float = 1.0
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(13))

    def add(self, batch: pa.RecordBatch, file: int) -> None:
        """Takes in the next batch. A row stays while its draw is below the share that fits; shares only fall."""
        self._keep(batch, self._random.random(batch.num_rows), file)
        while sum(map(len, self._draws)) > self.limit:
            self._share /= 2
            kept = list(zip(self.batches, self._draws, self.files, strict=True))
            self.batches, self._draws, self.files = [], [], []
            for old, draws, number in kept:
                self._keep(old, draws, number)

    def _keep(self, batch: pa.RecordBatch, draws: np.ndarray, file: int) -> None:
        keep = draws < self._share
        self.batches.append(batch if keep.all() else batch.filter(pa.array(keep)))
        self._draws.append(draws[keep])
        self.files.append(file)
