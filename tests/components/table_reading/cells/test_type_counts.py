from unittest.mock import patch

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from components.table_reading.cells import type_counts
from components.table_reading.read_options import TypeCandidates, count_type_candidates

NUMBERS = ["0", "1", "12", " 5", "1.5", "-3e4", "9" * 19, "9" * 20, "007", "nan", "inf"]
TIMES = ["2013-01-31", "2013-02-30", "2013-01-31 10:00"]
TEXTS = ["true", "NA", "", "-", "?", "CA", "word", "two words", "a1"]
CELLS = st.none() | st.sampled_from([*NUMBERS, *TIMES, *TEXTS])


@settings(deadline=None)
@given(st.integers(1, 6).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8)))
def test_joint_counts_equal_counts_per_column(rows):
    width = len(rows[0]) if rows else 3
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(width)]
    names = [f"c{place}" for place in range(width)]
    together, apart = ({name: TypeCandidates() for name in names} for _ in range(2))
    with patch.object(type_counts, "CELLS", 16):  # several groups
        type_counts.count_batch(pa.RecordBatch.from_arrays(columns, names), together)
    for name, column in zip(names, columns, strict=True):
        count_type_candidates(column, apart[name])
    for name in names:
        assert together[name] == apart[name]
        assert together[name].type == apart[name].type
