"""Accumulates a row sample, and whether float columns hold integers, in one pass over all rows."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.shared.features.large_integers import FLOAT32


@dataclass
class WholeNumbers:
    """Whether float64 or decimal values are integers.

    Attributes:
      all_whole: Whether all values seen are whole and within int64.
      some_large: Whether a value exceeds 2^24, beyond which float32 does not represent every integer.
    """

    all_whole: bool = True
    some_large: bool = False

    @property
    def are_large(self) -> bool:
        """Whether the values are integers that float32 cannot represent exactly."""
        return self.all_whole and self.some_large

    def add(self, column: pa.Array) -> None:
        """Adds the values of a batch, float64 or decimal [N]."""
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
    """A uniform random sample of the rows of a stream, in their order; deterministic for a given stream.

    Attributes:
      limit: Maximum number of rows.
      batches: The sampled rows.
      files: For each batch, the index of its file.
    """

    limit: int
    batches: list[pa.RecordBatch] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    _draws: list[np.ndarray] = field(default_factory=list)
    _share: float = 1.0
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(13))

    def add(self, batch: pa.RecordBatch, file: int) -> None:
        """Adds a batch of the file with index `file`.

        Each row draws a number in [0, 1) and stays while that is below the sampling rate, which is halved whenever
        the sample exceeds the limit.
        """
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
