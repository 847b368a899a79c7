"""Chart of a metric by span."""

import math
from collections.abc import Sequence
from typing import Any

from pipeline.report.facts import Past
from pipeline.report.formatting import fixed, metric_name


def metric_history(past: Sequence[Past], metric: str, now: str | None = None) -> dict[str, Any] | None:
    """Returns a chart of the candidates' metric by span; None with fewer than two values.

    Filled points are pushed runs, hollow points are not.

    Args:
      past: Runs by span.
      metric: Name of the metric.
      now: Id of the run to emphasise, or None.
    """
    rows: list[dict[str, Any]] = [
        {
            "span": run.span,
            "value": value,
            "pushed": run.pushed is not None,
            "now": run.run_id == now,
            "tip": f"span {run.span}: {metric_name(metric)} {fixed(value)}, "
            + (f"pushed as version {run.pushed}" if run.pushed is not None else "not pushed"),
        }
        for run in past
        if (value := run.metrics.get(metric)) is not None
    ]
    if len(rows) < 2:
        return None
    encoding = {
        "x": {
            "field": "span",
            "type": "ordinal",
            "title": "Eval span",
            "axis": {"labelAngle": 0, "grid": False, "labelOverlap": True},
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": None,
            "axis": {"tickCount": 4, "format": f".{_places([row['value'] for row in rows])}f"},
            "scale": {"zero": False, "padding": 10},
        },
    }
    return {
        "width": 260,
        "height": 130,
        "data": {"values": rows},
        "layer": [
            {"mark": {"type": "line", "color": "var(--current)", "strokeWidth": 1.5}, "encoding": encoding},
            {
                "mark": {"type": "point", "filled": True, "stroke": "var(--current)", "strokeWidth": 1.5, "opacity": 1},
                "encoding": {
                    **encoding,
                    "size": {"condition": {"test": "datum.now", "value": 110}, "value": 45},
                    "fill": {"condition": {"test": "datum.pushed", "value": "var(--current)"}, "value": "var(--paper)"},
                    "description": {"field": "tip"},
                },
            },
        ],
    }


def _places(values: Sequence[float]) -> int:
    """Decimals of the axis labels, enough to distinguish ticks a quarter of the range apart."""
    apart = (max(values) - min(values)) / 4
    if not apart:
        return 2
    enough = math.ceil(-math.log10(apart))
    return max(0, min(enough, 6)) if enough > 2 or max(map(abs, values)) >= 10 else 2
