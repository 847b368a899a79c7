"""What the notebooks show. They are executed on a real run by `make notebooks`; here the figures are worked by hand."""

import json

import altair
import pytest
import vl_convert
from tensorflow_metadata.proto.v0 import statistics_pb2

from benchmarks.synthetic_history import History
from components.shared.errors import UsageError
from pipeline.notebook_views import labels as look_labels
from pipeline.notebook_views import last_run as look
from pipeline.notebook_views import lineage as look_lineage
from pipeline.notebook_views import model as look_model
from pipeline.notebook_views import statistics as look_statistics
from pipeline.report.facts import CategoryBar, Feature, Matrix, NumberBar, SplitFeature

FEATURES = (
    Feature(
        "origin",
        "category",
        {
            "train": SplitFeature(100, 0.0, {"distinct": 2}, (CategoryBar("EWR", 0.75), CategoryBar("JFK", 0.25))),
            "eval": SplitFeature(50, 0.1, {"distinct": 2}, (CategoryBar("EWR", 0.5), CategoryBar("JFK", 0.5))),
        },
    ),
    Feature(
        "temp",
        "number",
        {
            "train": SplitFeature(100, 0.0, {"mean": 1.0}, (NumberBar(0.0, 2.0, 1.0),)),
            "eval": SplitFeature(50, 0.0, {"mean": 2.0}, (NumberBar(0.0, 4.0, 0.5), NumberBar(4.0, 5.0, 0.5))),
        },
    ),
    Feature("row_id", "category", {"train": SplitFeature(3, 0.0, {"distinct": 3}, (CategoryBar("a", 1 / 3),))}),
)
VERDICT = {
    "blessed": False,
    "shortfalls": ["auc 0.7 < 0.8 (champion)"],
    "metrics": {"auc": 0.7, "log_loss": 0.5, "rows": 100.0, "auc_diff": -0.1, "threshold": 0.3},
    "champion": {"version": 1, "metrics": {"auc": 0.8, "log_loss": 0.6, "rows": 100.0}},
    "slices": {
        "origin=EWR": {"rows": 60.0, "auc": 0.75, "auc_diff": 0.05},
        "origin=JFK": {"rows": 40.0, "auc": 0.5, "auc_diff": -0.1},
        "origin=LGA": {"rows": 1.0, "auc": None},
    },
}


def _spec(chart):
    """The chart's specification, once Altair has held it against its schema and Vega has drawn it."""
    specification = chart.to_dict()
    assert "<svg" in vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    return specification


def _rows(chart):
    return [row for rows in _spec(chart)["datasets"].values() for row in rows]


def _write(folder, type_):
    """What the artifacts hold: the share of late rows is the number of the folder in hundredths."""
    folder.mkdir(parents=True, exist_ok=True)
    if type_ == "ExampleStatistics":
        for split, shift in (("train", 0), ("eval", 1)):
            late = int(folder.name) + shift
            statistics = statistics_pb2.DatasetFeatureStatisticsList()
            dataset = statistics.datasets.add(num_examples=100)
            feature = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
            feature.path.step.append("late")
            feature.string_stats.common_stats.num_non_missing = feature.string_stats.common_stats.tot_num_values = 100
            for value, count in (("0", 100 - late), ("1", late)):
                feature.string_stats.rank_histogram.buckets.add(label=value, sample_count=count)
            path = folder / f"Split-{split}" / "FeatureStats.pb"
            path.parent.mkdir(parents=True)
            path.write_bytes(statistics.SerializeToString())
    elif type_ == "Schema":
        (folder / "schema.pbtxt").write_text(
            'feature { name: "late" type: INT presence { min_fraction: 1.0 } int_domain { min: 0 max: 1 }\n'
            "  drift_comparator { infinity_norm { threshold: 0.03 } } }\n"
            'feature { name: "origin" type: BYTES string_domain { value: "EWR" value: "JFK" } }\n'
        )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Three runs: version 1, version 2 on the next span, and one that pushed nothing."""
    root = tmp_path_factory.mktemp("runs")
    made = History(root / "flights", write=_write)
    made.add(train=[1, 2], evaluation=3)
    made.add(train=[2, 3], evaluation=4)
    made.add(train=[3, 4], evaluation=5, push=False)
    return root


@pytest.fixture(scope="module")
def run(root):
    return look.last_run(root, "flights")


def test_no_run_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="no run reached StatisticsGen yet; start one with `make run-local`"):
        look.last_run(tmp_path, "flights")


def test_output_that_was_not_made(root, run):
    with pytest.raises(UsageError, match="has no output labels"):
        look_labels.load_labels(root, run)


def test_charts_are_svg_in_the_notebook():
    before = altair.renderers.active
    try:
        look.offline_charts()
        chart = look_statistics.distribution_chart(FEATURES, "origin")
        bundle = chart._repr_mimebundle_()
        assert set(bundle) == {"image/svg+xml"} and "http://www.w3.org" in bundle["image/svg+xml"]
    finally:
        altair.renderers.enable(before)


def test_statistics_table():
    table = look_statistics.statistics_table(FEATURES)
    assert table.loc[("origin", "eval"), "missing"] == 0.1
    assert table.loc[("temp", "eval"), "mean"] == 2.0


def test_distributions():
    rows = _rows(look_statistics.distribution_chart(FEATURES, "temp"))
    # Half of the values on a bin four wide, half on one that is one wide.
    assert [row["density"] for row in rows if row["of"] == "eval"] == [0.125, 0.5]
    rows = _rows(look_statistics.distribution_chart(FEATURES, "origin"))
    assert next((row["of"], row["value"], row["share"]) for row in rows) == ("train", "EWR", 0.75)
    with pytest.raises(UsageError, match="feature nothing is not in the statistics; available: origin, row_id, temp"):
        look_statistics.distribution_chart(FEATURES, "nothing")


def test_overview_leaves_out_what_names_rows():
    titles = [part["title"]["text"] for part in _spec(look_statistics.overview_chart(FEATURES))["concat"]]
    assert titles == ["origin", "temp"]


def test_schema_table(root, run):
    table = look_statistics.schema_table(root, run)
    assert table.loc["late", ["type", "at least present", "values", "drift threshold"]].tolist() == [
        "int", 1.0, "0 to 1", 0.03,
    ]  # fmt: skip
    assert table.loc["origin", "values"] == "EWR, JFK"


def test_anomalies(run):
    assert look_statistics.anomalies_table(run).empty
    found = {"anomalies": [{"feature": "a", "kind": "missing", "detail": "all of it"}]}
    assert look_statistics.anomalies_table(found).loc["a", "detail"] == "all of it"


def test_drift_rows_of_runs_before_and_after_calibration():
    old = {"feature": "a", "measure": "chebyshev", "distance": 0.01, "threshold": 0.02, "drifted": False, "detail": ""}
    new = {**old, "feature": "b", "distance": 0.06, "drifted": True, "slice": "", "role": "feature", "q_value": 0.001}
    sliced = {**new, "slice": "origin=EWR", "distance": 0.08}
    run = {"run_id": "r", "spans": {"eval": [9]}, "drift": [old, new, sliced]}
    table = look_statistics.drift_table(run)
    assert table.index.tolist() == ["b", "b", "a"]
    assert table["times"].tolist() == pytest.approx([4.0, 3.0, 0.5])
    assert table["within"].tolist() == ["origin=EWR", "", ""]
    chart = look_statistics.drift_chart(run)
    assert _spec(chart)["title"]["text"] == "1 of 2 features drifted in eval span 9"  # slices are in the table
    with pytest.raises(UsageError, match="no distances"):
        look_statistics.drift_chart({**run, "drift": []})


def test_course_of_drift(root, run):
    _spec(look_statistics.drift_course(root, run, label="late"))


def test_widget_only_on_request(root, run, monkeypatch, capsys):
    monkeypatch.delenv("PLUMBLINE_ONLINE", raising=False)
    look_statistics.tfdv_widget(root, run)
    assert "PLUMBLINE_ONLINE=1" in capsys.readouterr().out
    assert set(look_statistics.load_statistics(root, run)) == {"train", "eval"}


LABELS = {
    "rows": 1000, "classes": {"0": 0.75, "1": 0.25}, "repeated_rows": 4, "conflicting_rows": 2, "ceiling": 0.999,
    "repeated_ids": 0,
}  # fmt: skip
AUDITED = {
    **LABELS,
    "judged": 500, "doubtful": 2, "noise": 0.004,
    "issues": [{"row": 7, "id": "x", "label": "1", "suggested": "0", "quality": 0.01}],
    "class_noise": [{"label": "1", "rows": 100, "doubtful": 2, "noise": 0.02}],
    "confused": [{"label": "1", "suggested": "0", "rows": 2, "share": 1.0}],
    "notes": ["Classes overlap."],
}  # fmt: skip


def test_labels_that_were_audited():
    assert look_labels.labels_text(AUDITED).splitlines() == [
        "2 of 1,000 rows have the same features as a row with another label; no model of these features can have an "
        "accuracy above 99.90%.",
        "2 of 500 labels (0.4%) are suspected errors.",
        "Classes overlap.",
    ]
    assert look_labels.issues_table(AUDITED).loc[7, "suggested"] == "0"
    assert look_labels.class_table(AUDITED).loc["1", "doubtful"] == 2
    assert look_labels.confused_table(AUDITED).loc[("1", "0"), "rows"] == 2
    assert "1 suspected label errors" in _spec(look_labels.noise_chart(AUDITED))["title"]["text"]


def test_labels_of_a_run_that_did_not_look():
    assert "did not search for label errors" in look_labels.labels_text(LABELS)
    assert look_labels.issues_table(LABELS).empty and look_labels.confused_table(LABELS).empty
    assert look_labels.noise_chart(LABELS) == "No suspected label errors are listed."
    assert look_labels.consistency_table(LABELS).loc["ceiling", "value"] == 0.999
    assert look_labels.class_table(LABELS).loc["0", "share"] == 0.75


def test_classes_over_spans(root):
    table = look_labels.classes_over_spans(root, "flights", "late")
    shown = table[table["value"] == "1"].set_index(["span", "of"])["share"]
    assert sorted({span for span, _ in shown.index}) == [3, 4, 5]
    assert all(shown[span, "eval"] == pytest.approx(shown[span, "train"] + 0.01) for span in (3, 4, 5))
    assert _spec(look_labels.classes_chart(table, "late"))["title"]["text"] == "late = 1: share by span"
    with pytest.raises(UsageError, match="no statistics have a categorical column"):
        look_labels.classes_chart(look_labels.classes_over_spans(root, "flights", "nothing"), "nothing")


def test_metrics_against_the_champion():
    table = look_model.metrics_table(VERDICT)
    assert table.loc["AUC", "difference"] == pytest.approx(-0.1)
    assert table["which is"].tolist() == ["worse", "better", ""]  # AUC fell, log loss fell, a threshold is neither
    assert look_model.model_text(VERDICT) == "Not blessed:\n  auc 0.7 < 0.8 (champion)"
    assert look_model.model_text({"blessed": True}).startswith("Blessed")
    assert look_model.metrics_table({**VERDICT, "champion": None})["difference"].isna().all()


def test_slices():
    table = look_model.slices_table(VERDICT, "auc")
    assert table.index.tolist() == ["origin=JFK", "origin=EWR", "origin=LGA"]
    assert table.loc["origin=JFK", "champion"] == pytest.approx(0.6)
    assert table.loc["origin=EWR", "against the whole"] == pytest.approx(0.05)
    named = {row["named"] for row in _rows(look_model.slices_chart(VERDICT, "auc", min_rows=50)) if "named" in row}
    assert named == {"origin=EWR (60)"}
    with pytest.raises(UsageError, match="f1: no slice of at least 1 rows has this metric; available: auc"):
        look_model.slices_chart(VERDICT, "f1")


def test_curves():
    curves = {"candidate": (Matrix(0.0, 40, 60, 0, 0), Matrix(0.5, 30, 20, 40, 10), Matrix(1.0, 0, 0, 60, 40))}
    assert look_model.decision_thresholds(VERDICT) == {"candidate": 0.3, "champion": None}
    rows = _rows(look_model.curve_charts(curves, {"candidate": 0.45, "champion": None}))
    decided = [(row["x"], row["y"]) for row in rows if row.get("model") == "candidate"]
    assert decided == [(pytest.approx(20 / 60), 0.75), (0.75, 0.6)]  # on the ROC, on precision-recall
    assert "has no ROC" in look_model.curve_charts({}, {})


def test_weakest_slices():
    import pandas as pd

    row = {"slice": "a=1", "rows": 10, "metric": "log_loss", "value": 0.6, "gap": 0.1, "weight": 0.01}
    chart = look_model.weakest_chart(pd.DataFrame([row]).set_index("slice"))
    assert _spec(chart)["title"]["text"] == "Contribution of weak slices to the log loss"
    assert (
        look_model.weakest_chart(pd.DataFrame(columns=[*row]).set_index("slice")) == "No slice is significantly weak."
    )


def test_runs_and_their_course(root):
    runs = look_lineage.load_runs(root, "flights")
    table = look_lineage.runs_table(runs)
    assert table["eval"].tolist() == ["5", "4", "3"]
    assert table["pushed"].fillna(0).tolist() == [0, 2, 1]
    points = {row["span"]: row["pushed"] for row in _rows(look_lineage.metrics_chart(runs))}
    assert points == {3: True, 4: True, 5: False}


def test_upstream_and_downstream(root):
    live = look_lineage.load_lineage(root, "flights")
    assert live.version == 2
    assert look_lineage.files_table(live).index.tolist() == [("train", 2), ("train", 3), ("eval", 4)]
    assert look_lineage.ancestors_table(live).index.tolist() == [1]
    assert look_lineage.steps_table(live).loc["ImportSchemaGen", "cached"]
    used = look_lineage.load_downstream(root, "flights", 3)
    assert look_lineage.versions_table(used)["as"].to_dict() == {2: "train", 1: "eval"}
    assert look_lineage.files_table(used)["rows"].unique().tolist() == [1000]


def test_newest_two_runs_compared(root):
    runs = look_lineage.load_runs(root, "flights")
    found = look_lineage.compare_newest(root, "flights", runs)
    assert (found.before, found.after) == (runs[1].run_id, runs[0].run_id)
    assert found.spans
    assert look_lineage.deltas_table(found).loc["AUC", "delta"] == 0.0
    alone = look_lineage.compare_newest(root, "flights", runs[2:])
    assert alone.before == alone.after and not alone.spans


def test_steps_are_drawn_from_left_to_right(root, run):
    rows = _rows(look_lineage.steps_chart(look_lineage.steps_of(root, run)))
    at = {row["step"]: row["cx"] for row in rows if "step" in row}
    assert at["ArrowExampleGen"] < at["Transform"] < at["Trainer"] < at["ChampionEvaluator"] < at["RegistryPusher"]
    json.dumps(rows)
