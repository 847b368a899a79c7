"""NannyML's estimates of a stream, run by before_labels.py in NannyML's own virtual environment.

    python run_nannyml.py ROWS.npz TASK METRIC...

Prints one JSON object: metric -> [[estimate, sampling error] of each window].
"""

import json
import sys

import nannyml
import numpy as np
import pandas as pd

NAMES = {"auc": "roc_auc", "average_precision": "average_precision", "f1": "f1", "rmse": "rmse", "mae": "mae"}


def main() -> int:
    """Estimates, prints, returns 0."""
    rows, task, *metrics = sys.argv[1:]
    data = np.load(rows)
    table = pd.DataFrame(data["features"], columns=[f"f{at}" for at in range(data["features"].shape[1])])
    table["score"], table["target"] = data["scores"], data["targets"]
    table["predicted"] = data["scores"] if task == "regression" else (data["scores"] >= 0.5).astype(int)
    # One window is one day, so that chunks by day are the windows; the reference is cut into days of like size.
    window = data["window"]
    size = int(np.median(np.bincount(window)[1:]))
    old = np.flatnonzero(window == 0)
    days = np.where(window > 0, window, -(np.arange(len(window)) // size) - 1)
    days[old] = np.arange(len(old)) // size - len(old) // size - 1
    table["time"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")
    wanted = {NAMES[name]: name for name in metrics if name in NAMES}
    common = {"y_true": "target", "timestamp_column_name": "time", "chunk_period": "D", "metrics": list(wanted)}
    if task == "regression":
        features = [name for name in table.columns if name.startswith("f")]
        estimator = nannyml.DLE(feature_column_names=features, y_pred="predicted", **common)
    else:
        estimator = nannyml.CBPE(
            problem_type="classification_binary", y_pred_proba="score", y_pred="predicted", **common
        )
    estimator.fit(table[window == 0])
    found = estimator.estimate(table[window > 0]).filter(period="analysis").to_df()
    pairs = {
        name: found[[(theirs, "value"), (theirs, "sampling_error")]].to_numpy(float).tolist()
        for theirs, name in wanted.items()
    }
    print(json.dumps(pairs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
