"""The two sides of benchmarks/drift_speed.py, each run as a process of its own.

    python -m benchmarks.drift_sides ours BASELINE CURRENT
    <evidently's python> benchmarks/drift_sides.py evidently BASELINE CURRENT

Each prints one JSON object: how many columns it compared and how many it found drifting. The second is run by another
Python, without our packages: imports stay inside.
"""

import json
import sys


def _ours(baseline: str, current: str) -> dict[str, int]:
    """`plumbline drift BASELINE CURRENT`, all defaults: every distance of every column, and the columns together."""
    from pipeline.drift.comparison import drift

    rows = drift(baseline, current).result.rows
    columns = {row.feature for row in rows if row.role != "table"}
    return {"columns": len(columns), "drifting": len({row.feature for row in rows if row.drifted} & columns)}


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
