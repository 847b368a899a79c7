"""Tables and charts of the label notebook: consistency, suspected label errors, class shares by span."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from components.shared.audited_rows import audited_rows
from components.shared.errors import UsageError
from components.shared.files import read_json
from pipeline.notebook_views.last_run import INK, IS, WAS, finished, output, store_of
from pipeline.report.facts import CategoryBar
from pipeline.report.statistics import read_features
from pipeline.run_history.lineage import output_uri
from pipeline.run_history.runs import history

if TYPE_CHECKING:
    import altair

_MEANING = {
    "rows": "Rows of the train split that have a label",
    "repeated_rows": "Rows that share every feature with another row",
    "conflicting_rows": "Of those, rows in groups with conflicting labels",
    "ceiling": "Highest accuracy that any function of the features can reach on these rows",
    "repeated_ids": "Rows that share their id with another row",
    "audited": "Rows with an out-of-sample prediction of their label",
    "doubtful": "Of those, suspected label errors",
    "noise": "Estimated share of wrong labels; an upper estimate where classes overlap",
    "near_conflicting_rows": "Near-duplicate rows with conflicting labels",
    "outlying_rows": "Outlier rows",
}


def load_labels(root: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """Reads labels.json, the label audit of a run."""
    found: dict[str, Any] = read_json(output(root, run, "labels") / "labels.json")
    return {"audited": audited_rows(found), **found} if "judged" in found else found


def consistency_table(labels: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the figures of the audit with their meaning."""
    rows = [
        {"figure": name, "value": labels[name], "meaning": told} for name, told in _MEANING.items() if name in labels
    ]
    return pd.DataFrame(rows).set_index("figure")


def class_table(labels: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the share of each class and, if the audit estimated it, its share of suspected label errors."""
    table = pd.DataFrame({"share": labels["classes"]})
    table.index.name = "class"
    noise = pd.DataFrame(labels.get("class_noise") or [], columns=["label", "rows", "doubtful", "noise"])
    if not noise.empty:
        table = table.join(noise.set_index("label").rename(columns={"rows": "audited"}))
    return table.sort_values("share", ascending=False)


def issues_table(labels: Mapping[str, Any], most: int = 20) -> pd.DataFrame:
    """Returns suspected label errors by ascending label quality (in [0, 1]; near 0 the label is probably wrong)."""
    rows = list(labels.get("issues") or [])[:most]
    return pd.DataFrame(rows, columns=["row", "id", "label", "suggested", "quality"]).set_index("row")


def confused_table(labels: Mapping[str, Any]) -> pd.DataFrame:
    """Returns pairs of given and suggested class, most frequent first."""
    rows = list(labels.get("confused") or [])
    return pd.DataFrame(rows, columns=["label", "suggested", "rows", "share"]).set_index(["label", "suggested"])


def labels_text(labels: Mapping[str, Any]) -> str:
    """Returns a summary of the audit in one or more lines."""
    lines = [
        f"{labels['conflicting_rows']:,} of {labels['rows']:,} rows have the same features as a row with another "
        f"label; no model of these features can have an accuracy above {labels['ceiling']:.2%}."
    ]
    if labels.get("issues") is None:
        lines.append("This run did not search for label errors.")
    elif "doubtful" in labels:
        audited = audited_rows(labels)
        share = labels["doubtful"] / audited if audited else 0.0
        lines.append(f"{labels['doubtful']:,} of {audited:,} labels ({share:.1%}) are suspected errors.")
    return "\n".join([*lines, *(labels.get("notes") or ())])


def classes_over_spans(root: Path, dataset: str, label: str, most: int = 60) -> pd.DataFrame:
    """Returns the share of each class by span, from the statistics of the newest run of each eval span.

    Args:
      root: Folder of all runs.
      dataset: Name of the dataset.
      label: Label column.
      most: Maximum number of runs, newest first.

    Returns:
      Columns span, of ("eval": that span; "train": the window before it), value, share in [0, 1].
    """
    store = store_of(root, dataset)
    rows, seen = [], set()
    for run in history(root / dataset, limit=most):
        span = run.spans.get("eval", [None])[0]
        if span is None or span in seen:
            continue
        try:
            features = read_features(Path(output_uri(store, run.run_id, "statistics")))
        except UsageError:
            continue  # the run has no statistics, or they were deleted
        for feature in features:
            if feature.name == label:
                seen.add(span)
                rows += [
                    {"span": span, "of": split, "value": bar.value, "share": bar.share}
                    for split, side in feature.splits.items()
                    for bar in side.bars
                    if isinstance(bar, CategoryBar)
                ]
    columns = ["span", "of", "value", "share"]
    return pd.DataFrame(rows, columns=columns).sort_values(["span", "of", "value"], ignore_index=True)


def classes_chart(table: pd.DataFrame, label: str) -> "altair.TopLevelMixin":
    """Draws the class shares by span: solid for the span, grey and dashed for its training window.

    Of two classes only the rarer one is drawn.
    """
    import altair as alt

    if table.empty:
        raise UsageError(f"{label}: no statistics have a categorical column of this name; give the label column")
    common = table.groupby("value")["share"].mean().sort_values(ascending=False)
    values = list(common.index[1:]) if len(common) == 2 else list(common.index[:6])
    shown = table[table["value"].isin(values)]
    base = alt.Chart(shown).encode(
        x=alt.X("span:O", title="Eval span", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("share:Q", title="Share of the rows", axis=alt.Axis(format="%"), scale=alt.Scale(zero=True)),
        detail="value:N",
        tooltip=["span", "of", "value", alt.Tooltip("share", format=".1%")],
    )
    colour = alt.value(IS) if len(values) == 1 else alt.Color("value:N", title=label)
    evaluation, train = (base.transform_filter(f"datum.of == '{split}'") for split in ("eval", "train"))
    layers = [
        train.mark_line(color=WAS, strokeDash=[5, 4], strokeWidth=2),
        evaluation.mark_line(strokeWidth=2).encode(color=colour),
        evaluation.mark_point(filled=True, size=60, opacity=1).encode(color=colour),
    ]
    if len(values) == 1:
        text = alt.Text("share:Q", format=".0%")
        layers.append(evaluation.mark_text(dy=-12, fontSize=11, stroke="white", strokeWidth=4).encode(text=text))
        layers.append(evaluation.mark_text(dy=-12, fontSize=11, color=INK).encode(text=text))
    what = f"{label} = {values[0]}" if len(values) == 1 else label
    return finished(
        alt.layer(*layers).properties(width=520, height=220),
        f"{what}: share by span",
        "Solid: the span. Grey and dashed: the training window of its model.",
    )


def noise_chart(labels: Mapping[str, Any]) -> "altair.TopLevelMixin | str":
    """Draws the label quality of the listed label issues by given class; a sentence if there are none."""
    import altair as alt

    table = issues_table(labels, most=10_000).reset_index()
    if table.empty:
        return "No suspected label errors are listed."
    chart = (
        alt.Chart(table)
        .mark_bar(color=IS, binSpacing=1)
        .encode(
            x=alt.X("quality:Q", bin=alt.Bin(maxbins=20), title="Label quality: near 0 probably wrong"),
            y=alt.Y("count():Q", title="Labels"),
            row=alt.Row("label:N", title="Given class"),
        )
        .properties(width=460, height=90)
    )
    return finished(chart, f"{len(table):,} suspected label errors by given class")
