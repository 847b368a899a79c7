import struct
import xml.etree.ElementTree as ET

import pytest

from components.shared.errors import UsageError
from pipeline.drift.history import ComparedRun, DriftHistory, Row
from pipeline.drift.history_chart import MAX_FEATURES, MAX_SPANS, chart_json, save_chart


def history(features: int = 3, spans: int = 4, threshold: float | None = 0.1) -> DriftHistory:
    """Feature f0 is `late`, the label; distances grow with the number of feature and span."""
    compared = []
    for span in range(2, 2 + spans):
        rows = {}
        for number in range(features):
            name, role = ("late", "label") if number == 0 else (f"f{number}", "feature")
            distance = span * (number + 1) / (10 * (features + 1) * spans)
            drifted = threshold is not None and distance > threshold
            row = Row(name, "chebyshev", "", role, distance, threshold, None, drifted, "'a' was 1%, is 2%")
            rows[row[:3]] = row
        compared.append(ComparedRun(f"r{span}", span, (span - 1,), str(span), rows))
    return DriftHistory("shop", tuple(compared))


def texts(path) -> list[str]:
    return ["".join(node.itertext()) for node in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_png_has_two_pixels_per_point(tmp_path):
    save_chart(history(), tmp_path / "drift.PNG")
    content = (tmp_path / "drift.PNG").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width > 400
    assert height > 400
    assert [path.name for path in tmp_path.iterdir()] == ["drift.PNG"]  # nothing temporary is left


def test_svg_contains_features_spans_figures_and_the_summary(tmp_path):
    made = history()
    save_chart(made, tmp_path / "deep" / "drift.svg")
    found = texts(tmp_path / "deep" / "drift.svg")
    assert {"late (label)", "f1", "f2", "2", "3", "4", "5", "Span"} <= set(found)
    assert "0.094" in found  # f2 in span 5: 5 * 3 / (10 * 4 * 4)
    assert any(text.startswith("shop: drift of 4 spans: label late never shifted") for text in found)
    assert "up to twice" in found
    assert "no threshold" not in found


def test_rows_keep_the_order_of_the_history(tmp_path):
    save_chart(history(features=5), tmp_path / "drift.svg")
    names = [text for text in texts(tmp_path / "drift.svg") if text in ("late (label)", "f1", "f2", "f3", "f4")]
    assert names[:5] == ["late (label)", "f4", "f3", "f2", "f1"]


def drawn(specification: dict) -> list[dict]:
    """Data of the heat map; Altair moves the data of a single view to the top level."""
    return (specification["vconcat"][-1].get("data") or specification["data"])["values"]


def test_excess_features_and_spans_are_left_out_with_a_note():
    specification = chart_json(history(features=MAX_FEATURES + 10, spans=MAX_SPANS + 5))
    assert specification["title"]["subtitle"][-2:] == [
        "The 40 most drifted of 50 features.",
        "The last 60 of 65 spans.",
    ]
    assert {value["feature"] for value in drawn(specification)} == {"late (label)", *(f"f{n}" for n in range(11, 50))}
    assert {value["span"] for value in drawn(specification)} == {str(span) for span in range(7, 67)}


LEVELS = {
    0.2: "up to half",
    0.1: "up to the threshold",
    0.05: "up to twice",
    0.025: "up to four times",
    0.02: "more",
    0.0: "more",
    None: "no threshold",
}


def test_levels_of_cells_by_ratio_to_the_threshold():
    rows = {
        (str(threshold), "chebyshev", ""): Row(
            str(threshold), "chebyshev", "", "feature", 0.1, threshold, None, False, ""
        )
        for threshold in LEVELS
    }
    specification = chart_json(DriftHistory("shop", (ComparedRun("r", 1, (0,), "1", rows),)))
    levels = {value["feature"]: value["level"] for value in drawn(specification)}
    assert levels == {str(threshold): level for threshold, level in LEVELS.items()}


def test_chart_without_thresholds_or_label(tmp_path):
    save_chart(history(threshold=None), tmp_path / "a.svg")
    assert "no threshold" in texts(tmp_path / "a.svg")
    plain = history()
    rows = [{key: row for key, row in one.rows.items() if row.role != "label"} for one in plain.compared]
    no_label = DriftHistory(
        "shop",
        tuple(
            ComparedRun(one.run_id, one.span, one.train, one.name, kept)
            for one, kept in zip(plain.compared, rows, strict=True)
        ),
    )
    save_chart(no_label, tmp_path / "b.svg")
    assert len(chart_json(no_label)["vconcat"]) == 1


def test_chart_has_no_external_references():
    assert "url" not in str(chart_json(history())).replace("vega.github.io", "")


@pytest.mark.parametrize("name", ["drift.pdf", "drift", "drift.svg.txt"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"use a file name ending in \.svg or \.png"):
        save_chart(history(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw_and_nowhere_to_write(tmp_path):
    with pytest.raises(UsageError, match="shop: nothing to draw"):
        save_chart(DriftHistory("shop", ()), tmp_path / "drift.svg")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"drift\.svg: the chart cannot be written"):
        save_chart(history(), tmp_path / "file" / "drift.svg")
