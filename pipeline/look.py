"""What notebooks show of a run: its statistics as tables and charts. Finding and drawing; nothing is computed anew."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from components.errors import UsageError
from pipeline.lineage import open_store, output_uri

if TYPE_CHECKING:
    import altair
    from tensorflow_metadata.proto.v0 import statistics_pb2

Statistics = Mapping[str, "statistics_pb2.DatasetFeatureStatisticsList"]
"""Split name -> its TFDV statistics."""


def last_run(root: Path, dataset: str) -> dict[str, Any]:
    """The summary of the newest run that came as far as statistics; UsageError if there is none."""
    home = root / dataset / "reports"
    for path in sorted(home.glob("*/summary.json"), reverse=True):
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        states = {component["id"]: component["state"] for component in summary["components"]}
        if states.get("StatisticsGen") in ("executed", "cached"):
            return summary
    raise UsageError(f"{home}: no run yet; `make run-local` makes one")


def load_statistics(root: Path, summary: Mapping[str, Any]) -> Statistics:
    """The statistics of a run, by split."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    store = open_store(root / summary["dataset"] / "metadata.sqlite")
    folder = Path(output_uri(store, summary["run_id"], "statistics"))
    found = {}
    for path in sorted(folder.glob("Split-*/FeatureStats.pb")):
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        statistics.ParseFromString(path.read_bytes())
        found[path.parent.name.removeprefix("Split-")] = statistics
    return found


def statistics_table(statistics: Statistics) -> pd.DataFrame:
    """One row a feature and split: kind, share missing; distinct values or mean, deviation, least, median, greatest."""
    rows = []
    for split, proto in statistics.items():
        total = proto.datasets[0].num_examples
        for feature in proto.datasets[0].features:
            row = {"feature": feature.path.step[-1], "split": split, "rows": total}
            if feature.HasField("num_stats"):
                numbers = feature.num_stats
                row |= {
                    "kind": "number",
                    "missing": 1 - numbers.common_stats.num_non_missing / total,
                    "mean": numbers.mean,
                    "deviation": numbers.std_dev,
                    "min": numbers.min,
                    "median": numbers.median,
                    "max": numbers.max,
                }
            else:
                strings = feature.string_stats
                top = strings.top_values[0] if strings.top_values else None
                row |= {
                    "kind": "category",
                    "missing": 1 - strings.common_stats.num_non_missing / total,
                    "distinct": strings.unique,
                    "most frequent": top.value if top else None,
                    "its share": top.frequency / total if top else None,
                }
            rows.append(row)
    return pd.DataFrame(rows).sort_values(["feature", "split"], kind="stable").set_index(["feature", "split"])


def distribution_chart(statistics: Statistics, feature: str, most: int = 20) -> "altair.Chart":
    """A feature's distribution in every split side by side, as shares of the rows that have a value.

    Args:
      statistics: By split.
      feature: Its name.
      most: How many categories to show, the most frequent ones; a number's histogram is TFDV's ten equal bins.
    """
    import altair

    rows = []
    for split, proto in statistics.items():
        rows += [{"split": split, **bar} for bar in _bars(proto, feature)]
    if not rows:
        known = sorted({found.path.step[-1] for proto in statistics.values() for found in proto.datasets[0].features})
        raise UsageError(f"feature {feature} is not in the statistics; there is: {', '.join(known)}")
    table = pd.DataFrame(rows)
    title = f"{feature}: share of rows by split"
    order_of_time = sorted(statistics, reverse=True)  # train before eval
    color = altair.Color("split:N", sort=order_of_time, scale=altair.Scale(scheme="tableau10"))
    if "low" in table:
        bars = altair.Chart(table, title=title).mark_bar(opacity=0.5)
        return bars.encode(
            x=altair.X("low:Q", title=feature, bin="binned"),
            x2="high:Q",
            y=altair.Y("share:Q", stack=None, axis=altair.Axis(format="%")),
            color=color,
            tooltip=["split", "low", "high", altair.Tooltip("share", format=".1%")],
        )
    order = table.groupby("value")["share"].max().sort_values(ascending=False).index[:most].tolist()
    return (
        altair.Chart(table[table["value"].isin(order)], title=title)
        .mark_bar()
        .encode(
            x=altair.X("value:N", sort=order, title=feature),
            xOffset=altair.XOffset("split:N", sort=order_of_time),
            y=altair.Y("share:Q", axis=altair.Axis(format="%")),
            color=color,
            tooltip=["split", "value", altair.Tooltip("share", format=".1%")],
        )
    )


def drift_table(summary: Mapping[str, Any]) -> pd.DataFrame:
    """The run's drift rows, furthest over their threshold first."""
    columns = ["feature", "measure", "distance", "threshold", "drifted", "detail"]
    return pd.DataFrame(summary["drift"], columns=columns).set_index("feature")


def _bars(proto: "statistics_pb2.DatasetFeatureStatisticsList", feature: str) -> list[dict[str, Any]]:
    for found in proto.datasets[0].features:
        if found.path.step[-1] != feature:
            continue
        if found.HasField("num_stats"):
            standard = next((h for h in found.num_stats.histograms if h.type == h.STANDARD), None)
            buckets = standard.buckets if standard else []
            total = sum(bucket.sample_count for bucket in buckets) or 1
            return [
                {"low": bucket.low_value, "high": bucket.high_value, "share": bucket.sample_count / total}
                for bucket in buckets
            ]
        buckets = found.string_stats.rank_histogram.buckets
        total = sum(bucket.sample_count for bucket in buckets) or 1
        return [{"value": bucket.label, "share": bucket.sample_count / total} for bucket in buckets]
    return []
