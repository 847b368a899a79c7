"""What the notebook on the model shows: its metrics against the champion's, its slices, its curves, its errors."""

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

_SIDE = 230  # of a curve's square, in pixels


def load_verdict(root: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluator's verdict.json: blessed, shortfalls, metrics, slices, champion."""
    found: dict[str, Any] = read_json(output(root, run, "evaluation") / "verdict.json")
    return found


def load_curves(root: Path, run: Mapping[str, Any]) -> dict[str, tuple[Matrix, ...]]:
    """Confusion matrices by threshold, of "candidate" and "champion"; empty where the task has none."""
    return read_curves(output(root, run, "evaluation"))


def told(verdict: Mapping[str, Any]) -> str:
    """The verdict in lines."""
    if verdict["blessed"]:
        return "Blessed: the candidate reaches every threshold and is no worse than the champion."
    return "\n".join(["Not blessed:", *(f"  {shortfall}" for shortfall in verdict["shortfalls"])])


def metrics_table(verdict: Mapping[str, Any]) -> pd.DataFrame:
    """Candidate and champion on the same rows, overall; `difference` is candidate less champion."""
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
    """Each slice's metric, the champion's on the same rows, and the gap to the whole; the weakest first."""
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
    """Each slice as a point, the champion on the same rows as a grey one, the whole as a dashed line.

    Args:
      verdict: See `load_verdict`.
      metric: Its name, "auc".
      min_rows: Smaller slices are left out: their figures are mostly chance.
      most: Slices that are drawn, the weakest.

    Raises:
      UsageError: No slice has that metric.
    """
    import altair as alt

    table = slices_table(verdict, metric).reset_index()
    table = table[(table["rows"] >= min_rows) & table["candidate"].notna()].head(most)
    if table.empty:
        known = ", ".join(sorted({name for found in verdict["slices"].values() for name in found}))
        raise UsageError(f"{metric}: no slice of {min_rows:,} rows or more has it; metrics of slices are: {known}")
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
        f"{metric_name(metric)} by slice, the weakest first",
        "Rows in brackets. The dashed line is the whole.",
    )


def weakest_table(root: Path, run: Mapping[str, Any]) -> pd.DataFrame:
    """Error analysis: the slices that cost most.

    `value` is their mean loss, `gap` how far it would fall if the model were as good there as elsewhere, `weight` the
    gap times the slice's share of rows, and `next` what to do.
    """
    rows = read_json(output(root, run, "errors") / "errors.json")["slices"]
    return pd.DataFrame(rows, columns=["slice", "rows", "metric", "value", "gap", "weight", "next"]).set_index("slice")


def weakest_chart(table: pd.DataFrame) -> "altair.TopLevelMixin | str":
    """The costliest slices; a sentence where none is weak."""
    import altair as alt

    if table.empty:
        return "No slice is weak beyond chance."
    rows = table.reset_index()
    base = alt.Chart(rows).encode(y=alt.Y("slice:N", sort=rows["slice"].tolist(), title=None))
    bars = base.mark_bar(color=ALARM, height={"band": 0.65}).encode(
        x=alt.X(
            "weight:Q", title="What it costs overall: gap x share of rows", axis=alt.Axis(tickCount=5, format="~g")
        ),
        tooltip=["slice", "rows", "value", "gap", "weight"],
    )
    figures = base.mark_text(align="left", dx=4, color=SOFT, fontSize=10).encode(x="weight:Q", text="note:N")
    rows["note"] = [f"{row.rows:,} rows, {row.gap:.3f} above the rest" for row in rows.itertuples()]
    title = f"What weak slices add to the {_word(rows['metric'].iloc[0])}: what to look at first"
    return finished((bars + figures).properties(width=420, height=24 * len(rows)), title)


def curve_charts(
    curves: Mapping[str, Sequence[Matrix]], thresholds: Mapping[str, float | None]
) -> "altair.TopLevelMixin | str":
    """ROC, precision-recall and calibration side by side; a sentence where the task has no such curves.

    Args:
      curves: See `load_curves`.
      thresholds: Model -> where it decides, see `decision_thresholds`.
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
            ("Calibration", "Score", "Share that is positive"),
            [(0, 0), (1, 1)],
            dots=True,
        ),
    ]
    return finished(
        alt.hconcat(*parts, spacing=26),
        "Candidate (blue) and champion (grey) on the same rows",
        "Black points: where each decides. Dashed: what guessing reaches; for calibration, what it should be.",
    )


def decision_thresholds(verdict: Mapping[str, Any]) -> dict[str, float | None]:
    """Model -> the score from which it says yes."""
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
    """TFMA keeps a slice's difference, candidate less champion; the champion's own value follows."""
    return _less(found.get(metric), found.get(f"{metric}_diff"))


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
