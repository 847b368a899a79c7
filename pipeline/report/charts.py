"""The charts of features and of the model, as Vega-Lite specs.

All charts use two colours: grey for train and the champion, blue for eval and the candidate. The colours also differ in
lightness, so that they remain distinguishable in grey print and with colour blindness.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.texts.escaping import xml_text
from pipeline.report.curves import Bin
from pipeline.report.facts import CategoryBar, Feature, NumberBar, SplitFeature

Spec = dict[str, Any]
WAS, IS = "var(--baseline)", "var(--current)"
WIDTH, HEIGHT = 300, 150
MAX_VALUES = 10
_TICK = "format(datum.value, abs(datum.value) >= 10000 ? '~s' : '~g')"  # 20k, but 0.2 and not 200m


def distribution(feature: Feature) -> Spec | None:
    """Returns a histogram or bar chart of a feature in train and eval; None if it has no value in either."""
    splits = {split: side for split, side in feature.splits.items() if side.bars}
    if not splits:
        return None
    if feature.kind == "number":
        bars = {split: _finite(side) for split, side in splits.items()}
        if any(bar.high > bar.low for found in bars.values() for bar in found):
            return _histogram(bars)
        splits = {split: _one_value(side, bars[split]) for split, side in splits.items()}
    return _categories(splits)


def _finite(side: SplitFeature) -> list[NumberBar]:
    bars = [bar for bar in side.bars if isinstance(bar, NumberBar)]
    return [bar for bar in bars if math.isfinite(bar.low) and math.isfinite(bar.high)]


def _one_value(side: SplitFeature, bars: Sequence[NumberBar]) -> SplitFeature:
    values = tuple(CategoryBar(f"{bar.low:g}", bar.share) for bar in bars if bar.share > 0)
    return SplitFeature(side.rows, side.missing, side.statistics, values)


def _histogram(bars: Mapping[str, Sequence[NumberBar]]) -> Spec:
    """Bars show densities, since the bins of the splits have different widths."""
    span = max(bar.high for found in bars.values() for bar in found) - min(
        bar.low for found in bars.values() for bar in found
    )
    rows = [
        {
            "split": split,
            "low": bar.low,
            "high": bar.high,
            # A bin of width 0 (a split with one value) gets a small width.
            "density": bar.share / (bar.high - bar.low or span / 100),
            "tip": f"{split}: {bar.share:.1%} from {bar.low:,.4g} to {bar.high:,.4g}",
        }
        for split, found in bars.items()
        for bar in found
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        "layer": [_density("train", WAS, 0.55, 0), _density("eval", IS, 0.12, 1.6)],
    }


def _density(split: str, color: str, fill: float, stroke: float) -> Spec:
    return {
        "transform": [{"filter": {"field": "split", "equal": split}}],
        "mark": {"type": "bar", "color": color, "fillOpacity": fill, "stroke": color, "strokeWidth": stroke},
        "encoding": {
            "x": {
                "field": "low",
                "type": "quantitative",
                "bin": {"binned": True},
                "title": None,
                "axis": {"grid": False, "tickCount": 5, "labelExpr": _TICK},
                "scale": {"zero": False, "nice": False},
            },
            "x2": {"field": "high"},
            "y": {
                "field": "density",
                "type": "quantitative",
                "stack": None,
                "title": None,
                "axis": {"labels": False, "ticks": False, "domain": False, "tickCount": 3},
            },
            "description": {"field": "tip"},
        },
    }


def _categories(splits: Mapping[str, SplitFeature]) -> Spec:
    shares = {
        split: {xml_text(bar.value): bar.share for bar in side.bars if isinstance(bar, CategoryBar)}
        for split, side in splits.items()
    }
    most = {
        value: max(found.get(value, 0.0) for found in shares.values()) for found in shares.values() for value in found
    }
    order = sorted(most, key=lambda value: (-most[value], value))[:MAX_VALUES]
    rows = [
        {
            "place": place,
            "value": value or "(empty)",
            "split": split,
            "share": shares.get(split, {}).get(value, 0.0),
            "tip": f"{split}: {shares.get(split, {}).get(value, 0.0):.1%} {value}",
        }
        for place, value in enumerate(order)
        for split in shares
    ]
    # Bars are placed by index, not by name, so that two long names with the same truncated label stay two bars.
    names = "[" + ",".join(_quoted(value or "(empty)") for value in order) + "][datum.value]"
    return {
        "width": WIDTH - 90,
        "height": max(HEIGHT - 20, 24 * len(order)),
        "data": {"values": rows},
        "mark": {"type": "bar"},
        "encoding": {
            "y": {
                "field": "place",
                "type": "ordinal",
                "title": None,
                "axis": {
                    "labelExpr": names,
                    "labelLimit": 86,
                    "ticks": False,
                    "domain": False,
                    "labelFontSize": 11,
                    "labelOverlap": False,
                },
                "scale": {"paddingInner": 0.3},
            },
            "yOffset": {"field": "split", "sort": ["train", "eval"], "type": "nominal"},
            "x": {
                "field": "share",
                "type": "quantitative",
                "title": None,
                "axis": {"format": "~%", "tickCount": 4, "domain": False},
            },
            "color": {
                "field": "split",
                "type": "nominal",
                "legend": None,
                "scale": {"domain": ["train", "eval"], "range": [WAS, IS]},
            },
            "description": {"field": "tip"},
        },
    }


def _quoted(value: str) -> str:
    """A string literal of Vega's expression language; all but ASCII letters, digits and ` -_.` become escapes."""
    return '"' + "".join(c if c.isascii() and (c.isalnum() or c in " -_.") else _code(c) for c in value) + '"'


def _code(character: str) -> str:
    units = character.encode("utf-16-be", "replace")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def curve(
    lines: Mapping[str, Sequence[tuple[float, float]]],
    at: Mapping[str, tuple[float, float]],
    x: str,
    y: str,
    chance: Sequence[tuple[float, float]],
) -> Spec:
    """Returns a chart with one curve in the unit square for each model.

    Args:
      lines: "candidate" and, if there is one, "champion" -> points (x, y) in order.
      at: The same keys -> the point (x, y) at the decision threshold.
      x: Title of the x axis.
      y: Title of the y axis.
      chance: Points of the dashed line of a random classifier.
    """
    layers = [_line(chance, _unit(x, y), {"color": "var(--muted)", "strokeWidth": 1, "strokeDash": [3, 3]})]
    for name in ("champion", "candidate"):
        if name in lines:
            mark = {"color": WAS if name == "champion" else IS, "strokeWidth": 2}
            layers.append(_line(lines[name], _unit(x, y), mark))
    points = [
        {"x": px, "y": py, "tip": f"{name}, decision threshold: {x.lower()} {px:.1%}, {y.lower()} {py:.1%}"}
        for name, (px, py) in at.items()
    ]
    layers.append(
        {
            "data": {"values": points},
            "mark": {"type": "point", "filled": True, "size": 60, "color": "var(--ink)", "opacity": 1},
            "encoding": {**_unit(x, y), "description": {"field": "tip"}},
        }
    )
    return {"width": 250, "height": 220, "layer": layers}


def calibration(bins: Mapping[str, Sequence[Bin]]) -> Spec:
    """Returns a reliability diagram: positive rate against score, one point for each bin with rows.

    The dashed line is perfect calibration.
    """
    x, y = "Score", "Positive rate"
    dashed = {"color": "var(--muted)", "strokeWidth": 1, "strokeDash": [3, 3]}
    layers = [_line([(0, 0), (1, 1)], _unit(x, y), dashed)]
    for name in ("champion", "candidate"):
        rows = [
            {
                "x": (found.low + found.high) / 2,
                "y": found.positive,
                "tip": f"{name}, score {found.low:.2f} to {found.high:.2f}: {found.positive:.1%} of "
                f"{found.rows:,.0f} rows are positive",
            }
            for found in bins.get(name, ())
            if found.positive is not None
        ]
        if rows:
            color = WAS if name == "champion" else IS
            layers.append(
                {
                    "data": {"values": rows},
                    "mark": {"type": "line", "color": color, "strokeWidth": 2},
                    "encoding": _unit(x, y),
                }
            )
            layers.append(
                {
                    "data": {"values": rows},
                    "mark": {"type": "point", "filled": True, "color": color, "size": 40, "opacity": 1},
                    "encoding": {**_unit(x, y), "description": {"field": "tip"}},
                }
            )
    return {"width": 250, "height": 220, "layer": layers}


def _line(points: Sequence[tuple[float, float]], axes: Spec, mark: Spec) -> Spec:
    rows = [{"x": x, "y": y, "at": place} for place, (x, y) in enumerate(points)]
    order = {"field": "at", "type": "quantitative"}
    return {
        "data": {"values": rows},
        "mark": {"type": "line", **mark},
        "encoding": {**axes, "order": order},
    }


def _unit(x: str, y: str) -> Spec:
    axis = {"format": ".1~f", "tickCount": 5}
    return {
        "x": {"field": "x", "type": "quantitative", "title": x, "axis": axis, "scale": {"domain": [0, 1]}},
        "y": {"field": "y", "type": "quantitative", "title": y, "axis": axis, "scale": {"domain": [0, 1]}},
    }
