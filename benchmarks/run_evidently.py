"""Evidently's DataDriftPreset with its defaults on many pairs of CSV files. Run by evidently_venv.evidently_python().

    <that Python> benchmarks/run_evidently.py PAIRS

PAIRS is a JSON file: [{"name", "baseline", "current"}, ...], paths of CSV files. Prints one JSON object for each pair,
one a line, in the same order: {"name", "drifted" (columns whose own test failed), "dataset_drift" (did half of the
columns drift, Evidently's verdict on the whole), "error" (what it said when it could not compare the two, else null)}.

A script by itself: the environment that runs it has nothing of Plumbline.
"""

import json
import sys

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset


def main() -> None:
    """Compares every pair."""
    with open(sys.argv[1], encoding="utf-8") as file:
        pairs = json.load(file)
    baselines: dict[str, pd.DataFrame] = {}
    for pair in pairs:
        path = pair["baseline"]
        if path not in baselines:
            baselines = {path: pd.read_csv(path)}
        print(json.dumps({"name": pair["name"], **compare(baselines[path], pd.read_csv(pair["current"]))}), flush=True)


def compare(baseline: pd.DataFrame, current: pd.DataFrame) -> dict[str, object]:
    """Compares one pair with the preset's default tests."""
    try:
        report = Report([DataDriftPreset()], include_tests=True)
        tests = report.run(current_data=current, reference_data=baseline).dict()["tests"]
    except Exception as error:  # whatever it raises is its answer to this pair
        return {"drifted": [], "dataset_drift": False, "error": f"{type(error).__name__}: {error}"}
    failed = [test["metric_config"]["params"] for test in tests if str(test["status"]).endswith("FAIL")]
    return {
        "drifted": sorted(params["column"] for params in failed if "column" in params),
        "dataset_drift": any("column" not in params for params in failed),
        "error": None,
    }


if __name__ == "__main__":
    main()
