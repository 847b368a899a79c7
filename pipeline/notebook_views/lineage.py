"""Tables and charts of the lineage notebook: runs, lineage of a model, downstream use of a span, comparison of runs."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from components.registry.registry import Registry
from pipeline.notebook_views.last_run import INK, IS, SOFT, WAS, finished, store_of
from pipeline.report.facts import ReportStep
from pipeline.report.formatting import metric_name
from pipeline.report.graph import layers
from pipeline.report.store import read_record
from pipeline.run_history.compare_runs import RunComparison, compare_runs
from pipeline.run_history.downstream import Downstream, downstream
from pipeline.run_history.lineage import Lineage, model_lineage
from pipeline.run_history.runs import Run, history

if TYPE_CHECKING:
    import altair

_ALONG, _ACROSS, _TALL = 132, 62, 40  # from box to box in pixels, and a box's height
_WIDE = 112


def load_runs(root: Path, dataset: str, most: int = 60) -> list[Run]:
    """Returns at most `most` runs, newest first."""
    return history(root / dataset, limit=most)


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Returns one row per run, newest first."""
    rows = [
        {
            "run": run.run_id,
            "train": ", ".join(map(str, run.spans.get("train", []))),
            "eval": ", ".join(map(str, run.spans.get("eval", []))),
            "rows": sum(run.rows.values()),
            "drifted": run.drifted,
            **{name: run.metrics.get(name) for name in ("auc", "average_precision", "f1") if name in run.metrics},
            "champion": run.champion,
            "pushed": run.pushed,
            "cached": f"{run.cached} of {run.components}",
            "state": run.state,
        }
        for run in runs
    ]
    integers = {"champion": "Int64", "pushed": "Int64"}
    return pd.DataFrame(rows).astype(integers).set_index("run")


def metrics_chart(runs: Sequence[Run], metrics: Sequence[str] = ("auc", "average_precision")) -> Any:
    """Draws metrics by eval span; a filled point is a pushed model."""
    import altair as alt

    newest: dict[int, Run] = {}
    for run in runs:
        if run.spans.get("eval"):
            newest.setdefault(run.spans["eval"][0], run)
    rows = [
        {"span": span, "metric": metric_name(name), "value": run.metrics[name], "pushed": run.pushed is not None}
        for span, run in sorted(newest.items())
        for name in metrics
        if run.metrics.get(name) is not None
    ]
    base = alt.Chart(pd.DataFrame(rows, columns=["span", "metric", "value", "pushed"])).encode(
        x=alt.X("span:O", title="Eval span", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
    )
    fill = alt.condition("datum.pushed", alt.value(IS), alt.value("white"))
    parts = base.mark_line(color=IS) + base.mark_point(size=70, color=IS, opacity=1).encode(
        fill=fill, stroke=alt.value(IS), tooltip=["span", "metric", "value", "pushed"]
    )
    chart = parts.properties(width=330, height=170).facet(column=alt.Column("metric:N", title=None))
    return finished(
        chart.resolve_scale(y="independent"),
        "Candidate of each span, evaluated on that span",
        "Filled: pushed. Spans differ in difficulty, so a lower point is not necessarily a worse model.",
    )


def load_lineage(root: Path, dataset: str, model: str = "live") -> Lineage:
    """Returns the lineage of a version, given by its number or as "live" or "canary"."""
    registry = Registry(root / dataset / "registry")
    version = registry.version_named(model)
    return model_lineage(store_of(root, dataset), version, registry.manifest(version)["run_id"], registry)


def files_table(lineage: Lineage | Downstream) -> pd.DataFrame:
    """Returns the span files of a lineage or of a downstream query with their SHA-256."""
    files = lineage.spans if isinstance(lineage, Lineage) else lineage.files
    rows = [
        {"split": row.split, "span": row.span, "rows": row.rows, "unlabelled": row.unlabelled,
         "file": Path(row.name).name, "sha256": row.sha256}
        for row in files
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index(["split", "span"])


def steps_table(lineage: Lineage) -> pd.DataFrame:
    """Returns the steps of a lineage, oldest first, with the reasons why they were cached or executed."""
    rows = [
        {"step": step.component, "began": step.began, "seconds": step.seconds, "cached": step.cached, "why": step.why}
        for step in lineage.steps
    ]
    return pd.DataFrame(rows).set_index("step")


def ancestors_table(lineage: Lineage) -> pd.DataFrame:
    """Returns the chain of champions that a model and its predecessors were compared with, nearest first."""
    rows = [{"version": one.version, "run": one.run_id, "created": one.created} for one in lineage.parents]
    return pd.DataFrame(rows, columns=["version", "run", "created"]).set_index("version")


def load_downstream(root: Path, dataset: str, data: str | int) -> Downstream:
    """Returns the runs and versions that used a span or a file."""
    return downstream(store_of(root, dataset), str(data), Registry(root / dataset / "registry"))


def versions_table(found: Downstream) -> pd.DataFrame:
    """Returns the versions that used a span or file, in which split, and their current aliases."""
    rows = [
        {"version": one.version, "as": " and ".join(one.splits), "is now": ", ".join(one.roles) or "-"}
        for one in found.versions
    ]
    return pd.DataFrame(rows, columns=["version", "as", "is now"]).set_index("version")


def compare_newest(root: Path, dataset: str, runs: Sequence[Run]) -> RunComparison:
    """Compares the two newest runs, older one first; a single run is compared with itself."""
    done = [run.run_id for run in runs if run.state == "done"]
    return compare_runs(store_of(root, dataset), root / dataset, done[min(1, len(done) - 1)], done[0])


def deltas_table(found: RunComparison) -> pd.DataFrame:
    """Returns the metrics of both runs."""
    rows = [
        {"metric": metric_name(name), "before": one.before, "after": one.after, "delta": one.delta}
        for name, one in found.metrics.items()
    ]
    return pd.DataFrame(rows, columns=["metric", "before", "after", "delta"]).set_index("metric")


def steps_of(root: Path, run: Mapping[str, Any]) -> tuple[ReportStep, ...]:
    """Returns the steps of a run with their inputs, from ML Metadata."""
    home = root / run["dataset"]
    return read_record(run, store_of(home.parent, home.name)).steps


def steps_chart(steps: Sequence[ReportStep]) -> "altair.TopLevelMixin":
    """Draws the run as a graph from left to right: executed steps in blue, cached steps in grey."""
    import altair as alt

    ran = [step for step in steps if step.state != "skipped"]
    columns, ways = layers(ran)
    places = {
        name: (column * _ALONG, (row - (len(found) - 1) / 2) * _ACROSS)
        for column, found in enumerate(columns)
        for row, name in enumerate(found)
    }
    # Edges are curves between boxes, and straight lines through the columns that they pass.
    lines = [(one, _WIDE / 2, other, -_WIDE / 2) for way in ways for one, other in pairwise(way)]
    lines += [(name, -_WIDE / 2, name, _WIDE / 2) for way in ways for name in way[1:-1]]
    boxes = pd.DataFrame(
        [
            {"x": x - _WIDE / 2, "x2": x + _WIDE / 2, "cx": x, "y": y - _TALL / 2, "y2": y + _TALL / 2, "cy": y,
             "step": step.id, "below": f"{step.seconds:.1f} s" if step.state == "executed" else step.state,
             "state": step.state}
            for step in ran
            for x, y in [places[step.id]]
        ]
    )  # fmt: skip
    edges = pd.DataFrame(
        [
            {
                "x": places[start][0] + aside,
                "y": places[start][1],
                "x2": places[end][0] + aside_to,
                "y2": places[end][1],
            }
            for start, aside, end, aside_to in lines
        ],
        columns=["x", "y", "x2", "y2"],
    )
    low, high = float(boxes["y"].min()) - 4, float(boxes["y2"].max()) + 4
    width, height = (len(columns) - 1) * _ALONG + _WIDE + 8, high - low
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-_WIDE / 2 - 4, width - _WIDE / 2 - 4], nice=False, zero=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[low, high], nice=False, zero=False))
    colour = alt.Scale(domain=["executed", "cached", "failed"], range=["#dbeafe", "#f1f5f9", "#fed7aa"])
    border = alt.Scale(domain=["executed", "cached", "failed"], range=[IS, WAS, "#c2410c"])
    box = alt.Chart(boxes)
    chart = alt.layer(
        alt.Chart(edges).mark_rule(color=WAS, strokeWidth=1.3).encode(x=x, y=y, x2="x2:Q", y2="y2:Q"),
        box.mark_rect(cornerRadius=6, strokeWidth=1.2).encode(
            x=x, y=y, x2="x2:Q", y2="y2:Q",
            fill=alt.Fill("state:N", scale=colour, legend=None),
            stroke=alt.Stroke("state:N", scale=border, legend=None),
        ),
        box.mark_text(dy=-7, fontSize=11, color=INK, limit=_WIDE - 8).encode(x="cx:Q", y="cy:Q", text="step:N"),
        box.mark_text(dy=9, fontSize=10, color=SOFT).encode(x="cx:Q", y="cy:Q", text="below:N"),
    )  # fmt: skip
    told = f"{sum(step.state == 'executed' for step in ran)} steps were executed (blue), the others cached (grey)."
    return finished(chart.properties(width=width, height=height), "From the data to the model", told)
