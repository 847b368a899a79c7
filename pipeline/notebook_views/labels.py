"""What the notebook on labels shows: how consistent they are, which are doubtful, and how their classes move."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

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
    "conflicting_rows": "Of those, rows whose twins are labelled otherwise",
    "ceiling": "Highest accuracy that any function of the features can reach on these rows",
    "repeated_ids": "Rows whose id another row has, too",
    "judged": "Rows whose label was judged by models that had not seen it",
    "doubtful": "Of those, labels to look at",
    "noise": "Estimated share of wrong labels; an upper estimate where classes overlap",
    "near_conflicting_rows": "Rows that are nearly alike and labelled differently",
    "outlying_rows": "Rows unlike all others",
}


def load_labels(root: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """The label audit of a run, labels.json."""
    found: dict[str, Any] = read_json(output(root, run, "labels") / "labels.json")
    return found


def consistency_table(labels: Mapping[str, Any]) -> pd.DataFrame:
    """The audit's figures, each with what it means."""
    rows = [
        {"figure": name, "value": labels[name], "meaning": told} for name, told in _MEANING.items() if name in labels
    ]
    return pd.DataFrame(rows).set_index("figure")


def class_table(labels: Mapping[str, Any]) -> pd.DataFrame:
    """Each class: its share, and of its judged rows how many are doubtful, where that was looked into."""
    table = pd.DataFrame({"share": labels["classes"]})
    table.index.name = "class"
    noise = pd.DataFrame(labels.get("class_noise") or [], columns=["label", "rows", "doubtful", "noise"])
    if not noise.empty:
        table = table.join(noise.set_index("label").rename(columns={"rows": "judged"}))
    return table.sort_values("share", ascending=False)


def issues_table(labels: Mapping[str, Any], most: int = 20) -> pd.DataFrame:
    """Doubtful labels, worst first: quality 0 is surely wrong, 1 surely right. Empty where none was found or sought."""
    rows = list(labels.get("issues") or [])[:most]
    return pd.DataFrame(rows, columns=["row", "id", "label", "suggested", "quality"]).set_index("row")


def confused_table(labels: Mapping[str, Any]) -> pd.DataFrame:
    """Pairs of classes that are taken for each other, most frequent first."""
    rows = list(labels.get("confused") or [])
    return pd.DataFrame(rows, columns=["label", "suggested", "rows", "share"]).set_index(["label", "suggested"])


def told(labels: Mapping[str, Any]) -> str:
    """What the audit comes to, in a line or more."""
    lines = [
        f"{labels['conflicting_rows']:,} of {labels['rows']:,} rows contradict a row that is the same; "
        f"no model of these features can be right more often than {labels['ceiling']:.2%}."
    ]
    if labels.get("issues") is None:
        lines.append("This run did not look for doubtful labels.")
    elif "judged" in labels and "doubtful" in labels:
        share = labels["doubtful"] / labels["judged"] if labels["judged"] else 0.0
        lines.append(f"{labels['doubtful']:,} of {labels['judged']:,} judged labels are doubtful ({share:.1%}).")
    return "\n".join([*lines, *(labels.get("notes") or ())])


def classes_over_spans(root: Path, dataset: str, label: str, most: int = 60) -> pd.DataFrame:
    """Share of each class, span by span, from the statistics of the newest run of each eval span.

    Args:
      root: Of the runs.
      dataset: Its name.
      label: Its label column.
      most: Runs looked at, the newest.

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
            continue  # stopped before its statistics, or these were removed
        for feature in features:
            if feature.name == label:
                seen.add(span)
                rows += [
                    {"span": span, "of": split, "value": bar.value, "share": bar.share}
                    for split, side in feature.sides.items()
                    for bar in side.bars
                    if isinstance(bar, CategoryBar)
                ]
    columns = ["span", "of", "value", "share"]
    return pd.DataFrame(rows, columns=columns).sort_values(["span", "of", "value"], ignore_index=True)


def classes_chart(table: pd.DataFrame, label: str) -> "altair.TopLevelMixin":
    """The course of the classes: solid is each span, grey and dashed the window that its model was trained on.

    Of two classes the rarer one is drawn: the other is what remains.
    """
    import altair as alt

    if table.empty:
        raise UsageError(f"{label}: no run's statistics have it as a category; is it the label?")
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
        f"{what}: how often, span by span",
        "Solid: the span itself. Grey and dashed: the window that its model was trained on.",
    )


def noise_chart(labels: Mapping[str, Any]) -> "altair.TopLevelMixin | str":
    """Quality of the listed doubtful labels by given class; a sentence where there are none."""
    import altair as alt

    table = issues_table(labels, most=10_000).reset_index()
    if table.empty:
        return "No doubtful labels are listed: nothing to draw."
    chart = (
        alt.Chart(table)
        .mark_bar(color=IS, binSpacing=1)
        .encode(
            x=alt.X("quality:Q", bin=alt.Bin(maxbins=20), title="Quality: 0 = surely wrong, 1 = surely right"),
            y=alt.Y("count():Q", title="Labels"),
            row=alt.Row("label:N", title="Given class"),
        )
        .properties(width=460, height=90)
    )
    return finished(chart, f"{len(table):,} doubtful labels, by the class that they were given")
