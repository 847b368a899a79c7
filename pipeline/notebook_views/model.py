"""Tables and charts of the model notebook: metrics compared with the champion, slices, curves, weak slices."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from components.evaluator.blessing import LOWER_IS_BETTER
from components.shared.errors import UsageError
from components.shared.files import read_json
from pipeline.notebook_views.last_run import ALARM, INK, IS, SOFT, WAS, finished, output, was_and_is
from pipeline.report.curves import precision_recall, read_curves, roc, score_bins
from pipeline.report.facts import Matrix
from pipeline.report.formatting import better, metric_name, shown_metrics

if TYPE_CHECKING:
    import altair

_SIDE = 230  # side of a curve's square chart, px


def load_verdict(root: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """Reads verdict.json of the evaluator, see docs/verdict.md."""
    found: dict[str, Any] = read_json(output(root, run, "evaluation") / "verdict.json")
    return found


def load_curves(root: Path, run: Mapping[str, Any]) -> dict[str, tuple[Matrix, ...]]:
    """Returns "candidate" and "champion" -> confusion matrices by threshold; empty for tasks without."""
    return read_curves(output(root, run, "evaluation"))


def model_text(verdict: Mapping[str, Any]) -> str:
    """Returns the verdict in lines."""
    if verdict["blessed"]:
        return "Blessed: the candidate reaches all thresholds and is not significantly worse than the champion."
    texts = verdict["violation_texts"] if "violation_texts" in verdict else verdict["shortfalls"]
    return "\n".join(["Not blessed:", *(f"  {text}" for text in texts)])


def metrics_table(verdict: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the metrics of candidate and champion on the same rows; `difference` is candidate minus champion."""
    metrics = verdict["metrics"]
    champion = (verdict.get("champion") or {}).get("metrics", {})
    rows = []
    for name in shown_metrics(dict(metrics)):
        value, before = metrics[name], champion.get(name)
        difference = None if value is None or before is None else value - before
        good = None if difference is None else better(name, difference)
        verdict_ = "" if good is None else "better" if good else "worse"
        rows.append(
            {
                "metric": metric_name(name),
                "candidate": value,
                "champion": before,
                "difference": difference,
                "which is": verdict_,
            }
        )
    return pd.DataFrame(rows).set_index("metric")


def slices_table(verdict: Mapping[str, Any], metric: str) -> pd.DataFrame:
    """Returns a metric by slice for candidate and champion, and the difference to all rows; weakest first."""
    rows = [
        {
            "slice": name,
            "rows": int(found["rows"]),
            "candidate": found.get(metric),
            "champion": _champion(found, metric),
            "difference": found.get(f"{metric}_diff"),
            "against the whole": _less(found.get(metric), verdict["metrics"].get(metric)),
        }
        for name, found in verdict["slices"].items()
    ]
    columns = ["slice", "rows", "candidate", "champion", "difference", "against the whole"]
    table = pd.DataFrame(rows, columns=columns)
    rising = metric not in LOWER_IS_BETTER
    return table.sort_values("candidate", ascending=rising, na_position="last").set_index("slice")


def slices_chart(verdict: Mapping[str, Any], metric: str, min_rows: int = 1, most: int = 30) -> "altair.TopLevelMixin":
    """Draws a metric by slice: candidate in blue, champion in grey, all rows as a dashed line.

    Args:
      verdict: See `load_verdict`.
      metric: Name of the metric, such as "auc".
      min_rows: Minimum rows of a slice; metrics of smaller ones are mostly noise.
      most: Maximum number of slices, weakest first.

    Raises:
      UsageError: No slice has that metric.
    """
    import altair as alt

    table = slices_table(verdict, metric).reset_index()
    table = table[(table["rows"] >= min_rows) & table["candidate"].notna()].head(most)
    if table.empty:
        known = ", ".join(sorted({name for found in verdict["slices"].values() for name in found}))
        raise UsageError(f"{metric}: no slice of at least {min_rows:,} rows has this metric; available: {known}")
    table["named"] = [f"{row.slice} ({row.rows:,})" for row in table.itertuples()]
    long = table.melt(["named", "rows"], ["champion", "candidate"], "of", "value").dropna(subset="value")
    y = alt.Y("named:N", sort=table["named"].tolist(), title=None, axis=alt.Axis(grid=True))
    x = alt.X("value:Q", title=metric_name(metric), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6))
    between = (
        alt.Chart(table.dropna(subset="champion"))
        .mark_rule(strokeWidth=2, color=WAS)
        .encode(y=y, x=alt.X("champion:Q", scale=alt.Scale(zero=False)), x2="candidate:Q")
    )
    points = (
        alt.Chart(long)
        .mark_point(filled=True, size=75, opacity=1)
        .encode(y=y, x=x, color=was_and_is("champion", "candidate", legend=alt.Legend(title=None, orient="top")))
    )
    layers = [between, points]
    whole = verdict["metrics"].get(metric)
    if whole is not None:
        line = alt.Chart(pd.DataFrame({"at": [whole]})).mark_rule(color=INK, strokeDash=[4, 3])
        layers.insert(0, line.encode(x="at:Q"))
    return finished(
        alt.layer(*layers).properties(width=460, height=20 * len(table)),
        f"{metric_name(metric)} by slice, weakest first",
        "Number of rows in brackets. Dashed line: all rows.",
    )


def weakest_table(root: Path, run: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the weak slices of the error analysis.

    `value` is the mean loss of the slice, `gap` its excess over the loss expected from the other rows, `weight` the gap
    times the slice's share of rows, `next` the recommended action.
    """
    rows = read_json(output(root, run, "errors") / "errors.json")["slices"]
    return pd.DataFrame(rows, columns=["slice", "rows", "metric", "value", "gap", "weight", "next"]).set_index("slice")


def weakest_chart(table: pd.DataFrame) -> "altair.TopLevelMixin | str":
    """Draws the weak slices with the largest contribution to the overall loss; a sentence if there are none."""
    import altair as alt

    if table.empty:
        return "No slice is significantly weak."
    rows = table.reset_index()
    base = alt.Chart(rows).encode(y=alt.Y("slice:N", sort=rows["slice"].tolist(), title=None))
    bars = base.mark_bar(color=ALARM, height={"band": 0.65}).encode(
        x=alt.X(
            "weight:Q",
            title="Contribution to the overall loss: gap x share of rows",
            axis=alt.Axis(tickCount=5, format="~g"),
        ),
        tooltip=["slice", "rows", "value", "gap", "weight"],
    )
    figures = base.mark_text(align="left", dx=4, color=SOFT, fontSize=10).encode(x="weight:Q", text="note:N")
    rows["note"] = [f"{row.rows:,} rows, {row.gap:.3f} above the rest" for row in rows.itertuples()]
    title = f"Contribution of weak slices to the {_word(rows['metric'].iloc[0])}"
    return finished((bars + figures).properties(width=420, height=24 * len(rows)), title)


def curve_charts(
    curves: Mapping[str, Sequence[Matrix]], thresholds: Mapping[str, float | None]
) -> "altair.TopLevelMixin | str":
    """Draws ROC, precision-recall and calibration curves; a sentence for tasks without them.

    Args:
      curves: See `load_curves`.
      thresholds: Model -> decision threshold, see `decision_thresholds`.
    """
    import altair as alt

    if not curves:
        return "This task has no ROC, precision-recall or calibration curves."
    first = next(iter(curves.values()))[0]
    positive = (first.tp + first.fn) / max(1.0, first.tp + first.fn + first.fp + first.tn)
    decided = {
        name: min(found, key=lambda row, at=at: abs(row.threshold - at))  # type: ignore[misc]
        for name, found in curves.items()
        if (at := thresholds.get(name)) is not None
    }
    parts = [
        _square(
            {name: roc(found) for name, found in curves.items()},
            {name: roc([row])[1] for name, row in decided.items()},
            ("ROC", "False positive rate", "True positive rate"),
            [(0, 0), (1, 1)],
        ),
        _square(
            {name: precision_recall(found) for name, found in curves.items()},
            {name: points[0] for name, row in decided.items() if (points := precision_recall([row]))},
            ("Precision and recall", "Recall", "Precision"),
            [(0, positive), (1, positive)],
        ),
        _square(
            {
                name: [
                    ((bin_.low + bin_.high) / 2, bin_.positive)
                    for bin_ in score_bins(found)
                    if bin_.positive is not None
                ]
                for name, found in curves.items()
            },
            {},
            ("Calibration", "Score", "Positive rate"),
            [(0, 0), (1, 1)],
            dots=True,
        ),
    ]
    return finished(
        alt.hconcat(*parts, spacing=26),
        "Candidate (blue) and champion (grey) on the same rows",
        "Black points: decision thresholds. Dashed: random guessing; for calibration, perfect calibration.",
    )


def decision_thresholds(verdict: Mapping[str, Any]) -> dict[str, float | None]:
    """Returns model -> decision threshold."""
    champion = (verdict.get("champion") or {}).get("metrics", {})
    return {"candidate": verdict["metrics"].get("threshold"), "champion": champion.get("threshold")}


def _square(
    lines: Mapping[str, Sequence[tuple[float, float]]],
    at: Mapping[str, tuple[float, float]],
    words: tuple[str, str, str],
    chance: Sequence[tuple[float, float]],
    dots: bool = False,
) -> Any:
    import altair as alt

    title, across, up = words
    unit = alt.Scale(domain=[0, 1])
    axis = alt.Axis(tickCount=5, format=".1~f")
    x, y = alt.X("x:Q", title=across, scale=unit, axis=axis), alt.Y("y:Q", title=up, scale=unit, axis=axis)
    layers = [
        alt.Chart(pd.DataFrame(chance, columns=["x", "y"])).mark_line(color=SOFT, strokeWidth=1, strokeDash=[3, 3])
        .encode(x=x, y=y)
    ]  # fmt: skip
    for name, colour in (("champion", WAS), ("candidate", IS)):
        if name in lines:
            table = pd.DataFrame(lines[name], columns=["x", "y"]).reset_index()
            line = alt.Chart(table).mark_line(color=colour, strokeWidth=2, point={"color": colour} if dots else False)
            layers.append(line.encode(x=x, y=y, order="index:Q"))
    points = pd.DataFrame([{"model": name, "x": px, "y": py} for name, (px, py) in at.items()])
    if not points.empty:
        layers.append(
            alt.Chart(points).mark_point(filled=True, size=60, color=INK, opacity=1).encode(x=x, y=y, tooltip=["model"])
        )
    head = alt.TitleParams(title, fontSize=12, color=INK, anchor="middle")
    return alt.layer(*layers).properties(width=_SIDE, height=_SIDE, title=head)


def _word(metric: str) -> str:
    """A metric's name within a sentence."""
    name = metric_name(metric)
    return name if name.isupper() else name[0].lower() + name[1:]


def _champion(found: Mapping[str, Any], metric: str) -> float | None:
    """The champion's metric on a slice, computed from TFMA's difference candidate minus champion."""
    return _less(found.get(metric), found.get(f"{metric}_diff"))


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
