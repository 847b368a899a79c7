"""Samples rows of a stream of batches at random."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

SEED = 20


def sample_batches(batches: Iterator[pa.RecordBatch], share: float) -> Iterator[pa.RecordBatch]:
    """Keeps each row with probability `share`, in (0, 1] (Bernoulli sampling); independent of batch boundaries."""
    draw = np.random.default_rng(SEED)
    for batch in batches:
        yield batch.filter(pa.array(draw.random(batch.num_rows) < share))
