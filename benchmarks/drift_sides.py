"""The two sides of benchmarks/drift_speed.py, each run as a process of its own.

    python -m benchmarks.drift_sides ours BASELINE CURRENT
    <evidently's python> benchmarks/drift_sides.py evidently BASELINE CURRENT

Each prints one JSON object: how many columns it compared and how many it found drifting. The second is run by another
Python, without our packages: imports stay inside.
"""

import json
import sys


def _ours(baseline: str, current: str) -> dict[str, int]:
    """Both files summarised, every column measured."""
    import pyarrow.parquet as pq

    from components.drift_validator.distances.measuring import measure_column
    from components.drift_validator.summaries.summarise import summarise

    def summary(path: str):  # noqa: ANN202
        with pq.ParquetFile(path) as file:
            texts = [field.name for field in file.schema_arrow if str(field.type) == "string"]
        with pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False, buffer_size=1 << 16) as file:
            return summarise(file.iter_batches(batch_size=1 << 15)).table

    one, other = summary(baseline), summary(current)
    least = [
        min(
            (row.p_value for row in measure_column(one.columns[name], other.columns[name]) if row.p_value is not None),
            default=1.0,
        )
        for name in one.columns
    ]
    return {"columns": len(least), "drifting": sum(p < 0.05 / len(least) for p in least)}


def _evidently(baseline: str, current: str) -> dict[str, int]:
    """The preset as the documentation shows it, all defaults."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    snapshot = Report([DataDriftPreset()]).run(pd.read_parquet(current), pd.read_parquet(baseline))
    metrics = snapshot.dict()["metrics"]
    return {"columns": len(metrics) - 1, "drifting": int(metrics[0]["value"]["count"])}


if __name__ == "__main__":
    print(json.dumps({"ours": _ours, "evidently": _evidently}[sys.argv[1]](*sys.argv[2:])))
