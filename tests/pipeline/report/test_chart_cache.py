"""Charts are drawn once, and again only where they have changed."""

from pathlib import Path

import pytest

from pipeline.report.chart_cache import cached_charts, svg_of
from pipeline.report.draw import svg

SPEC = {
    "data": {"values": [{"a": "A", "b": 28}]},
    "mark": "bar",
    "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}},
}


def fails() -> str:
    raise AssertionError("drawn although it is known")


def test_a_known_chart_is_not_drawn_again(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "charts.json"
    with cached_charts(file):
        assert svg_of({"a": 1}, lambda: "<svg>1</svg>") == "<svg>1</svg>"
        assert svg_of({"a": 1}, fails) == "<svg>1</svg>"
    with cached_charts(file):
        assert svg_of({"a": 1}, fails) == "<svg>1</svg>"
        assert svg_of({"a": 2}, lambda: "<svg>2</svg>") == "<svg>2</svg>"


def test_what_is_no_longer_shown_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "charts.json"
    with cached_charts(file):
        svg_of({"a": 1}, lambda: "1")
    with cached_charts(file):
        svg_of({"a": 2}, lambda: "2")
    with cached_charts(file), pytest.raises(AssertionError, match="drawn although"):
        svg_of({"a": 1}, fails)


@pytest.mark.parametrize("text", ["", "[1]", "\x00", '"x"'])
def test_a_broken_file_holds_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "charts.json"
    file.write_text(text)
    with cached_charts(file):
        assert svg_of({"a": 1}, lambda: "1") == "1"


def test_the_same_picture_either_way(tmp_path: Path) -> None:
    alone = svg(SPEC, "one bar")
    pages = []
    for _ in range(2):
        with cached_charts(tmp_path / "charts.json"):
            pages.append(svg(SPEC, "one bar"))
    assert pages == [alone, alone]
