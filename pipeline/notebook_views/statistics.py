"""Tables and charts of the statistics notebook: features, schema, anomalies, drift and its history."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from components.drift_validator.thresholds import REPRESENTATIVE
from components.shared.errors import UsageError
from pipeline.drift.history import load_history
from pipeline.notebook_views.last_run import ALARM, INK, IS, WAS, finished, output, was_and_is
from pipeline.report.facts import CategoryBar, Feature, NumberBar
from pipeline.report.statistics import read_features

if TYPE_CHECKING:
    import altair

MAX_VALUES = 12
_TICK = "format(datum.value, abs(datum.value) >= 10000 ? '~s' : '~g')"  # 20k, but the year 1980 and not 1,980


def load_features(root: Path, run: Mapping[str, Any]) -> tuple[Feature, ...]:
    """Reads the features of a run with their statistics in both splits."""
    return read_features(output(root, run, "statistics"))


def statistics_table(features: Sequence[Feature]) -> pd.DataFrame:
    """Returns one row per feature and split: kind, rows, missing share, and the statistics of the kind."""
    rows = [
        {"feature": one.name, "split": split, "kind": one.kind, "rows": side.rows, "missing": side.missing}
        | dict(side.statistics)
        for one in features
        for split, side in one.splits.items()
    ]
    return pd.DataFrame(rows).set_index(["feature", "split"])


def schema_table(root: Path, run: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the curated schema of the run, one row per feature."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    text = (output(root, run, "schema") / "schema.pbtxt").read_text(encoding="utf-8")
    schema = text_format.Parse(text, schema_pb2.Schema())
    domains = {domain.name: list(domain.value) for domain in schema.string_domain}
    rows = [
        {
            "feature": one.name,
            "type": schema_pb2.FeatureType.Name(one.type).lower(),
            "at least present": one.presence.min_fraction if one.HasField("presence") else None,
            "values": _domain(one, domains),
            "drift threshold": one.drift_comparator.infinity_norm.threshold
            or one.drift_comparator.jensen_shannon_divergence.threshold
            or None,
        }
        for one in schema.feature
    ]
    return pd.DataFrame(rows).set_index("feature")


def anomalies_table(run: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the anomalies of the run."""
    return pd.DataFrame(run["anomalies"], columns=["feature", "kind", "detail"]).set_index("feature")


def drift_table(run: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the drift rows of the run, drifted ones first, then by distance / threshold (`times`).

    `q` is the smallest false discovery rate at which the row is reported; missing if it was not tested.
    """
    rows = [
        {
            "feature": row["feature"],
            "within": row.get("slice") or "",
            "measure": row["measure"],
            "distance": row["distance"],
            "threshold": row["threshold"],
            "times": _times(row),
            "q": row.get("q_value"),
            "drifted": row["drifted"],
            "what moved": row["detail"],
        }
        for row in run["drift"]
    ]
    columns = ["feature", "within", "measure", "distance", "threshold", "times", "q", "drifted", "what moved"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["drifted", "times"], ascending=False, kind="stable").set_index("feature")


def drift_chart(run: Mapping[str, Any], most: int = 25) -> "altair.TopLevelMixin":
    """Draws the main distance of each feature divided by its threshold, largest first."""
    import altair as alt

    table = drift_table(run).reset_index()
    table = table[(table["within"] == "") & table["measure"].isin(REPRESENTATIVE)].head(most)
    if table.empty:
        raise UsageError(f"run {run['run_id']}: no distances; its schema has no drift comparators")
    base = alt.Chart(table).encode(y=alt.Y("feature:N", sort=table["feature"].tolist(), title=None))
    colour = alt.condition("datum.drifted", alt.value(ALARM), alt.value(WAS))
    bars = base.mark_bar(height={"band": 0.7}).encode(
        x=alt.X("times:Q", title="Distance / threshold"),
        color=colour,
        tooltip=["feature", "measure", "distance", "threshold", "what moved"],
    )
    figure = {"x": alt.X("times:Q"), "text": alt.Text("distance:Q", format=".3f")}
    place: dict[str, Any] = {"align": "left", "dx": 4, "fontSize": 10}
    halo = base.mark_text(**place, stroke="white", strokeWidth=4).encode(**figure)
    figures = base.mark_text(**place, color=INK).encode(**figure)
    limit = alt.Chart(pd.DataFrame({"at": [1]})).mark_rule(color=INK, strokeDash=[4, 3]).encode(x="at:Q")
    drifted = int(table["drifted"].sum())
    told = "Numbers: distances. Dashed line: threshold. Orange: drifted."
    title = f"{drifted} of {len(table)} features drifted in {_spans(run, 'eval')}"
    return finished((bars + limit + halo + figures).properties(width=460, height=18 * len(table)), title, told)


def drift_course(root: Path, run: Mapping[str, Any], label: str | None = None) -> Any:
    """Draws drift by span: the label above a heat map of the features."""
    from pipeline.drift.history_chart import draw

    return draw(load_history(root, run["dataset"], label=label))


def distribution_chart(features: Sequence[Feature], name: str) -> "altair.TopLevelMixin":
    """Draws the distribution of a feature in train (grey) and eval (blue), without missing values.

    Raises:
      UsageError: There is no such feature.
    """
    found = next((one for one in features if one.name == name), None)
    if found is None:
        known = ", ".join(sorted(one.name for one in features))
        raise UsageError(f"feature {name} is not in the statistics; available: {known}")
    how = "density of ten equal bins" if found.kind == "number" else "share of the values"
    return finished(_distribution(found, 460, 220, large=True), name, f"Train (grey) and eval (blue), {how}")


def overview_chart(features: Sequence[Feature], columns: int = 4) -> "altair.TopLevelMixin":
    """Draws all features in train (grey) and eval (blue), except near-unique text columns."""
    import altair as alt

    charts = [
        _distribution(one, 165, 90, large=False).properties(title=alt.TitleParams(one.name, fontSize=12, color=INK))
        for one in features
        if any(side.bars for side in one.splits.values()) and not _names_rows(one)
    ]
    grid = alt.concat(*charts, columns=columns, spacing=18)
    return finished(grid, "All features, train (grey) and eval (blue)", "Numbers: density. Categories: share.")


def tfdv_widget(root: Path, run: Mapping[str, Any]) -> None:
    """Shows TFDV's widget, which loads Facets from a public server, if PLUMBLINE_ONLINE is set; else a hint."""
    if not os.environ.get("PLUMBLINE_ONLINE"):
        print("TFDV's widget loads its code from the network: set PLUMBLINE_ONLINE=1 to see it.")
        return
    from tensorflow_data_validation.utils import display_util

    splits = load_statistics(root, run)
    display_util.visualize_statistics(splits["train"], splits["eval"], lhs_name="train", rhs_name="eval")


def load_statistics(root: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """Returns split -> DatasetFeatureStatisticsList, as written by TFDV."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    return {
        path.parent.name.removeprefix("Split-"): statistics_pb2.DatasetFeatureStatisticsList.FromString(
            path.read_bytes()
        )
        for path in sorted(output(root, run, "statistics").glob("Split-*/FeatureStats.pb"))
    }


def _distribution(feature: Feature, width: int, height: int, *, large: bool) -> Any:
    import altair as alt

    table = pd.DataFrame(_bars(feature))
    colour = was_and_is("train", "eval", legend=None)  # the title explains the colours
    if "low" not in table:
        order = table.groupby("value")["share"].max().sort_values(ascending=False, kind="stable").index.tolist()
        order = order[: MAX_VALUES if large else 6]
        return (
            alt.Chart(table[table["value"].isin(order)])
            .mark_bar()
            .encode(
                y=alt.Y("value:N", sort=order, title=None, axis=alt.Axis(labelLimit=110 if large else 60)),
                yOffset=alt.YOffset("of:N", sort=["train", "eval"]),
                x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=4)),
                color=colour,
                tooltip=["of", "value", alt.Tooltip("share", format=".1%")],
            )
            .properties(width=width, height=24 * len(order) if large else height)
        )
    base = alt.Chart(table).encode(
        x=alt.X(
            "low:Q",
            bin="binned",
            title=None,
            scale=alt.Scale(zero=False),
            axis=alt.Axis(tickCount=5, grid=False, labelExpr=_TICK),
        ),
        x2="high:Q",
        y=alt.Y("density:Q", stack=None, title=None, axis=alt.Axis(labels=False, ticks=False, tickCount=3)),
        color=colour,
        tooltip=["of", "low", "high", alt.Tooltip("share", format=".1%")],
    )
    train = base.transform_filter("datum.of == 'train'").mark_bar(opacity=0.6, binSpacing=0)
    evaluation = base.transform_filter("datum.of == 'eval'").mark_bar(
        fillOpacity=0.15, stroke=IS, strokeWidth=1.4, binSpacing=0
    )
    return (train + evaluation).properties(width=width, height=height)


def _names_rows(feature: Feature) -> bool:
    """Whether a text column is near-unique, as an id."""
    return any(float(side.statistics.get("distinct", 0)) > side.rows / 2 for side in feature.splits.values())


def _bars(feature: Feature) -> list[dict[str, Any]]:
    """One row per bar; densities, since the bins of the splits differ in width."""
    rows: list[dict[str, Any]] = []
    for split, side in feature.splits.items():
        for bar in side.bars:
            if isinstance(bar, CategoryBar):
                rows.append({"of": split, "value": bar.value or "(empty)", "share": bar.share})
            elif isinstance(bar, NumberBar):
                width = bar.high - bar.low
                density = bar.share / width if width > 0 else bar.share
                rows.append({"of": split, "low": bar.low, "high": bar.high, "share": bar.share, "density": density})
    return rows


def _domain(feature: Any, domains: Mapping[str, list[str]]) -> str:
    kind = feature.WhichOneof("domain_info")
    if kind in ("int_domain", "float_domain"):
        bounds = getattr(feature, kind)
        low, high = (f"{getattr(bounds, end):g}" if bounds.HasField(end) else "" for end in ("min", "max"))
        return f"{low} to {high}"
    values = domains.get(feature.domain, []) if kind == "domain" else list(feature.string_domain.value)
    return ", ".join(values[:8]) + (f", … ({len(values)})" if len(values) > 8 else "")


def _times(row: Mapping[str, Any]) -> float:
    return float(row["distance"] / row["threshold"]) if row["threshold"] else float(row["distance"])


def _spans(run: Mapping[str, Any], split: str) -> str:
    return f"{split} span {json.dumps(run['spans'][split])[1:-1]}"
