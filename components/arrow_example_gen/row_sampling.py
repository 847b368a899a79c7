"""A share of the rows, drawn as they stream by."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

SEED = 20


def sampled(batches: Iterator[pa.RecordBatch], share: float) -> Iterator[pa.RecordBatch]:
    """Each row with the probability `share`, in (0, 1]; the same rows whatever the batches they come in."""
    draw = np.random.default_rng(SEED)
    for batch in batches:
        yield batch.filter(pa.array(draw.random(batch.num_rows) < share))
