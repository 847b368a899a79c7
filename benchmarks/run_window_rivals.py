"""Drift scores of Evidently or NannyML for windows of a table. Runs in a virtual environment that has the tool.

    <that Python> benchmarks/run_window_rivals.py evidently|nannyml REFERENCE.csv WINDOWS.csv OUT.json

WINDOWS.csv has the column `window`; each window is compared with REFERENCE.csv, whose `window` are windows of the
history. Writes {window: {column: [score, default verdict]}}; a larger score is more drift. Evidently: Wasserstein
distance for numbers, Jensen-Shannon distance for texts, its defaults for larger data (threshold 0.1). NannyML: its
Jensen-Shannon distance by chunk, with the default thresholds (three standard deviations of the reference's chunks).
"""

import json
import sys

import pandas as pd

Scores = dict[str, dict[str, tuple[float, bool]]]


def evidently(reference: pd.DataFrame, windows: pd.DataFrame) -> Scores:
    """Scores of Evidently."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    baseline = reference.drop(columns="window")
    found: Scores = {}
    for number, rows in windows.groupby("window"):
        preset = DataDriftPreset(num_method="wasserstein", cat_method="jensenshannon")
        metrics = Report([preset]).run(rows.drop(columns="window"), baseline).dict()["metrics"]
        scores = {
            metric["config"]["column"]: float(metric["value"]) for metric in metrics if "column" in metric["config"]
        }
        found[str(number)] = {name: (score, score >= 0.1) for name, score in scores.items()}
    return found


def nannyml(reference: pd.DataFrame, windows: pd.DataFrame) -> Scores:
    """Scores of NannyML."""
    import nannyml as nml

    columns = [name for name in reference.columns if name != "window"]
    start = pd.Timestamp("2020-01-01")
    for table in (reference, windows):
        table["time"] = start + pd.to_timedelta(table["window"], unit="D")
    calculator = nml.UnivariateDriftCalculator(
        column_names=columns,
        timestamp_column_name="time",
        continuous_methods=["jensen_shannon"],
        categorical_methods=["jensen_shannon"],
        chunk_period="D",
    )
    calculator.fit(reference)
    table = calculator.calculate(windows).filter(period="analysis").to_df()
    found: Scores = {}
    for _, row in table.iterrows():
        number = (pd.Timestamp(row[("chunk", "chunk", "start_date")]) - start).days
        found[str(number)] = {
            name: (
                float(row[(name, "jensen_shannon", "value")]),
                bool(row[(name, "jensen_shannon", "alert")]),
            )
            for name in columns
        }
    return found


if __name__ == "__main__":
    tool, first, second, out = sys.argv[1:5]
    scores = {"evidently": evidently, "nannyml": nannyml}[tool](pd.read_csv(first), pd.read_csv(second))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(scores, file)
