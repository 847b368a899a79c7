"""The result of tables.py as a Markdown table, a row for each table: what docs/model.md shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tables_judging import METRICS, OURS, SIMPLE

HEAD = ("table", "rows x columns", "task", "metric", "ours", "boosting", "LightGBM", "linear", "FLAML", "ours is", "s")


def markdown(tables: Sequence[Mapping[str, Any]]) -> str:
    """The table; `s` are the wall seconds of ours: the Trainer's, and of the whole run."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    return "\n".join([*lines, *(_row(table) for table in tables)]) + "\n"


def _row(table: Mapping[str, Any]) -> str:
    metric = METRICS[table["task"]][0]
    told = table["judged"]
    cells = []
    for model in (OURS, *SIMPLE, "flaml"):
        figure = told["metrics"].get(model, {}).get(metric)
        shown = _interval(figure) if figure else "failed"
        cells.append(f"**{shown}**" if model == told["best"] else shown)
    task = table["task"] + (f", {table['positive']:.1%} positive" if table["task"] == "binary" else "")
    task += f", {table['classes']} classes" if table["task"] == "multiclass" else ""
    seconds = table["seconds"][OURS]
    return (
        f"| {table['name']} | {table['rows']:,} x {table['columns']} | {task} | {metric} | "
        + " | ".join(cells)
        + f" | {_verdict(told)} | {seconds['trainer']:.0f} / {seconds['run']:.0f} |"
    )


def _interval(figure: Sequence[float]) -> str:
    """The value, and half of the width of its interval."""
    value, low, high = figure
    half = (high - low) / 2
    digits = 0 if half >= 10 else 1 if half >= 1 else 3 if half >= 0.001 else 5
    return f"{value:.{digits}f} ±{half:.{digits}f}"


def _verdict(judged: Mapping[str, Any]) -> str:
    if judged["worse_than"]:
        return "surely worse than " + ", ".join(judged["worse_than"])
    if judged["best"] == OURS:
        return "best"
    return "level with the best" if judged["level_with_best"] else "behind the best"
