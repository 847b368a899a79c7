"""A metric over the spans."""

from collections.abc import Sequence
from typing import Any

from pipeline.report.facts import Past


def metric_course(past: Sequence[Past], metric: str, now: str | None = None) -> dict[str, Any] | None:
    """The candidates' metric span by span: filled points were pushed, hollow ones not; None for fewer than two.

    Args:
      past: By span.
      metric: Its name.
      now: The run to mark.
    """
    rows = [
        {
            "span": run.span,
            "value": value,
            "pushed": run.pushed is not None,
            "now": run.run_id == now,
            "tip": f"span {run.span}: {metric} {value:.4f}, "
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
            "axis": {"tickCount": 4, "format": ".2f"},
            "scale": {"zero": False, "padding": 10},
        },
    }
    return {
        "width": 260,
        "height": 130,
        "data": {"values": rows},
        "layer": [
            {"mark": {"type": "line", "color": "var(--is)", "strokeWidth": 1.5}, "encoding": encoding},
            {
                "mark": {"type": "point", "filled": True, "stroke": "var(--is)", "strokeWidth": 1.5, "opacity": 1},
                "encoding": {
                    **encoding,
                    "size": {"condition": {"test": "datum.now", "value": 110}, "value": 45},
                    "fill": {"condition": {"test": "datum.pushed", "value": "var(--is)"}, "value": "var(--paper)"},
                    "description": {"field": "tip"},
                },
            },
        ],
    }
