import re
import xml.etree.ElementTree as ET

import pytest

from pipeline.report import charts, sparklines
from pipeline.report.curves import precision_recall, roc, score_bins
from pipeline.report.draw import svg
from pipeline.report.facts import Feature, NumberBar, ReportStep, SplitFeature
from pipeline.report.graph import drawn_edges, graph, layers
from pipeline.report.metric_chart import metric_history
from tests.pipeline.report.a_run import EVIL, MATRICES, STEPS, category, number, past

NASTY = ("'];alert(1)//", '"', "\\", "\U0001f6eb", "日本", "", "a" * 300, "<b>", "${x}", "\x07")


def constant(name: str) -> Feature:
    side = SplitFeature(10, 0.0, {}, (NumberBar(3.0, 3.0, 1.0),))
    return Feature(name, "number", {"train": side, "eval": side})


SPECS = {
    "number": charts.distribution(number("temp")),
    "category": charts.distribution(category("carrier")),
    "constant": charts.distribution(constant("seats")),
    "nasty": charts.distribution(category(EVIL, NASTY)),
    "curve": charts.curve({"candidate": roc(MATRICES)}, {"candidate": (0.1, 0.5)}, "x", "y", [(0, 0), (1, 1)]),
    "two curves": charts.curve(
        {"candidate": precision_recall(MATRICES), "champion": roc(MATRICES)}, {}, "x", "y", [(0, 0), (1, 1)]
    ),
    "calibration": charts.calibration({"candidate": score_bins(MATRICES), "champion": score_bins(MATRICES)}),
    "history": metric_history([past(span) for span in (1, 2, 5)], "auc"),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_spec_is_vega_lite_as_altair_knows_it(spec):
    import altair

    altair.Chart.from_dict(spec, validate=True)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_chart_is_well_formed_and_in_the_colours_of_the_page(spec):
    root = ET.fromstring(svg(spec, f"a chart of {EVIL}"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"a chart of {EVIL}"
    colours = {element.get(name) for element in root.iter() for name in ("fill", "stroke")}
    assert {colour for colour in colours if colour} - {"none", "transparent"} <= {
        "var(--baseline)", "var(--current)", "var(--muted)", "var(--line)", "var(--grid)", "var(--ink)", "var(--paper)",
    }  # fmt: skip


def test_marks_say_their_values():
    tips = re.findall(r'data-tip="([^"]*)"', svg(charts.distribution(category("carrier")), "x"))
    assert "train: 10.0% AA" in tips
    assert "eval: 20.0% AA" in tips


def test_values_of_any_kind_are_shown_as_they_are():
    texts = {element.text for element in ET.fromstring(svg(SPECS["nasty"], "x")).iter() if element.text}
    # A character that XML does not know would make the renderer abort the process.
    assert {"\ufffd", "'];alert(1)//", '"', "\\", "\U0001f6eb", "日本", "<b>", "${x}"} <= texts


def test_a_feature_without_values_has_no_chart():
    assert charts.distribution(Feature("x", "number", {"train": SplitFeature(5, 1.0, {}, ())})) is None
    assert sparklines.distribution_sparkline(Feature("x", "unknown", {})) == ""


def test_bins_that_are_not_finite_are_left_out():
    bars = (NumberBar(float("-inf"), 0.0, 0.1), NumberBar(0.0, 1.0, 0.9))
    spec = charts.distribution(Feature("x", "number", {"train": SplitFeature(5, 0.0, {}, bars)}))
    assert [row["low"] for row in spec["data"]["values"]] == [0.0]


@pytest.mark.parametrize("feature", [number("a"), category(EVIL), constant("c"), category("d", ("",))])
def test_small_graphics_are_well_formed(feature):
    assert len(ET.fromstring(sparklines.distribution_sparkline(feature))) > 0
    for wide in (False, True):
        ET.fromstring(sparklines.history_chart([(1, 0.5), (2, 99.0), (7, 0.0)], feature.name, wide))


def test_one_point_is_no_course():
    assert sparklines.history_chart([(1, 0.5)], "x") is None
    assert metric_history([past(1)], "auc") is None
    assert metric_history([past(1), past(2)], "rmse") is None


@pytest.mark.parametrize(
    ("values", "format_"),
    [((0.7, 0.8), ".2f"), ((0.681, 0.684), ".4f"), ((52000.0, 54321.0), ".0f"), ((12.1, 12.9), ".1f"), ((1, 1), ".2f")],
)
def test_ticks_of_a_course_differ_and_say_no_more_than_that(values, format_):
    runs = [past(span, metrics={"m": value}) for span, value in enumerate(values)]
    spec = metric_history(runs, "m")
    assert spec["layer"][0]["encoding"]["y"]["axis"]["format"] == format_


def test_a_point_of_a_course_says_which_run_it_was():
    runs = [past(1), past(2, metrics={"average_precision": 0.5}), past(3, metrics={"average_precision": 0.6})]
    spec = metric_history(runs, "average_precision")
    assert [row["tip"] for row in spec["data"]["values"]] == [
        "span 2: Average precision 0.5000, pushed as version 2",
        "span 3: Average precision 0.6000, pushed as version 3",
    ]
    assert metric_history([past(1, pushed=None), past(2)], "auc")["data"]["values"][0]["tip"].endswith(", not pushed")


def test_the_graph_leaves_out_what_a_longer_way_says():
    # Trainer takes from Ingest and Schema too, but Statistics came from both.
    assert drawn_edges(STEPS) == [("Ingest", "Statistics"), ("Schema", "Statistics"), ("Statistics", "Trainer")]
    assert layers(STEPS)[0] == [["Ingest", "Schema"], ["Statistics"], ["Trainer"]]


LONG_WAY = (
    ReportStep("A", "executed", 1.0),
    ReportStep("B", "executed", 1.0),
    ReportStep("M", "executed", 1.0, ("A",)),
    ReportStep("Z", "executed", 1.0, ("B", "M")),
)


@pytest.mark.parametrize("down", [True, False])
def test_an_edge_passes_by_the_boxes_that_it_does_not_end_at(down):
    """B is two layers from Z: its edge must not run through M, as if M took from it."""
    (middle,) = [layer for layer in layers(LONG_WAY)[0] if "M" in layer]
    assert len(middle) == 2
    root = ET.fromstring(graph(LONG_WAY, down))
    boxes = [element for element in root.iter() if element.get("data-tip", "").startswith("M:")]
    box = boxes[0][0]
    low, size = (float(box.get(name)) for name in (("x", "width") if down else ("y", "height")))
    straight = [
        re.findall(r"L([\d.]+),([\d.]+)", edge.get("d", "")) for edge in root.iter() if "edge" in edge.get("class", "")
    ]
    (aside,) = [float(x if down else y) for found in straight for x, y in found]
    assert not low <= aside <= low + size


@pytest.mark.parametrize("down", [True, False])
def test_the_graph_draws_each_step_once(down):
    root = ET.fromstring(graph(STEPS, down))
    names = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "name"]
    assert sorted(names) == sorted(step.id for step in STEPS)
    assert "1 min 1 s" in graph(STEPS, down)
    assert "cached" in graph(STEPS, down)


def test_steps_without_edges_are_no_graph():
    assert graph(STEPS[:2], down=True) is None
