"""Charts are drawn once, and again only where they have changed."""

from pathlib import Path

import pytest

from pipeline.report.draw import svg
from pipeline.report.drawn import drawn_before, svg_of

SPEC = {
    "data": {"values": [{"a": "A", "b": 28}]},
    "mark": "bar",
    "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}},
}


def fails() -> str:
    raise AssertionError("drawn although it is known")


def test_a_known_chart_is_not_drawn_again(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "charts.json"
    with drawn_before(file):
        assert svg_of({"a": 1}, lambda: "<svg>1</svg>") == "<svg>1</svg>"
        assert svg_of({"a": 1}, fails) == "<svg>1</svg>"
    with drawn_before(file):
        assert svg_of({"a": 1}, fails) == "<svg>1</svg>"
        assert svg_of({"a": 2}, lambda: "<svg>2</svg>") == "<svg>2</svg>"


def test_what_is_no_longer_shown_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "charts.json"
    with drawn_before(file):
        svg_of({"a": 1}, lambda: "1")
    with drawn_before(file):
        svg_of({"a": 2}, lambda: "2")
    with drawn_before(file), pytest.raises(AssertionError, match="drawn although"):
        svg_of({"a": 1}, fails)


@pytest.mark.parametrize("text", ["", "[1]", "\x00", '"x"'])
def test_a_broken_file_holds_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "charts.json"
    file.write_text(text)
    with drawn_before(file):
        assert svg_of({"a": 1}, lambda: "1") == "1"


def test_the_same_picture_either_way(tmp_path: Path) -> None:
    alone = svg(SPEC, "one bar")
    pages = []
    for _ in range(2):
        with drawn_before(tmp_path / "charts.json"):
            pages.append(svg(SPEC, "one bar"))
    assert pages == [alone, alone]
