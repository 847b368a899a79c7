"""The report of a run as HTML. Everything that comes from data is escaped: by Jinja2, or where it is drawn."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report import charts, words
from pipeline.report.curves import precision_recall, roc, score_bins
from pipeline.report.draw import svg
from pipeline.report.facts import Facts, Matrix
from pipeline.report.feature_rows import feature_rows
from pipeline.report.graph import graph
from pipeline.report.metric_chart import metric_course
from pipeline.report.slice_rows import slice_rows, weak_rows
from pipeline.report.verdict import decision, metric_rows, tiles, title, verdict

MOST_ROWS = 100
"""Rows of a table that may be as long as the data are wide; what is cut is counted."""


def report_page(facts: Facts) -> str:
    """The report as one HTML text: styles, script and charts are inside, nothing is fetched."""
    summary = facts.summary
    metrics = metric_rows(facts)
    features = feature_rows(facts)
    return render(
        "report.html.j2",
        title=title(facts),
        facts=facts,
        summary=summary,
        verdict=verdict(facts),
        tiles=tiles(metrics),
        metrics=metrics,
        features=features,
        drifted=[row for row in features if row.drifted],
        compared=len({row["feature"] for row in summary["drift"]}),
        anomalies=summary["anomalies"][:MOST_ROWS],
        more_anomalies=max(0, len(summary["anomalies"]) - MOST_ROWS),
        model_charts=_model_charts(facts),
        courses=_metric_courses(facts),
        slices=slice_rows(facts),
        weak=weak_rows(facts),
        labels=_labels(facts),
        across=graph(facts.steps, down=False),
        down=graph(facts.steps, down=True),
        longest=max((step.seconds for step in facts.steps), default=0.0) or 1.0,
        settings=_settings(facts.settings),
    )


def render(name: str, **values: Any) -> str:
    """A template with the page's frame: style, script, and a policy that lets the browser load nothing else."""
    script = _text("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = _environment().get_template(name)
    page = template.render(style=Markup(_text("style.css")), script=Markup(script), script_digest=digest, **values)
    return words.printable(page)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": words.percent,
        "number": words.number,
        "seconds": words.seconds,
        "spans": words.spans,
        "moment": words.moment,
        "metric_name": words.metric_name,
    }
    return environment


@cache
def _text(name: str) -> str:
    return (files("pipeline.report") / "templates" / name).read_text(encoding="utf-8")


def _model_charts(facts: Facts) -> list[tuple[str, str, Markup]]:
    """(heading, one line under it, chart)."""
    if not facts.curves.get("candidate"):
        return []
    thresholds = {
        "candidate": facts.summary["metrics"].get("threshold"),
        "champion": ((facts.summary["champion"] or {}).get("metrics") or {}).get("threshold"),
    }
    at = {name: found for name, rows in facts.curves.items() if (found := decision(rows, thresholds.get(name)))}
    positive, total = _positives(facts.curves["candidate"])
    base = positive / total if total else 0.0
    rates, precision = "False positive rate", "Precision"
    return [
        (
            "ROC",
            "Dashed: guessing.",
            svg(
                charts.curve(
                    {name: roc(rows) for name, rows in facts.curves.items()},
                    {
                        n: (m.fp / (m.fp + m.tn), m.tp / (m.tp + m.fn))
                        for n, m in at.items()
                        if m.fp + m.tn and m.tp + m.fn
                    },
                    rates,
                    "Recall",
                    [(0, 0), (1, 1)],
                ),
                "ROC curve of candidate and champion; the areas are in the table of metrics",
            ),
        ),
        (
            "Precision and recall",
            f"Dashed: guessing, {words.percent(base)} positive.",
            svg(
                charts.curve(
                    {name: precision_recall(rows) for name, rows in facts.curves.items()},
                    {n: (m.tp / (m.tp + m.fn), m.tp / (m.tp + m.fp)) for n, m in at.items() if m.tp},
                    "Recall",
                    precision,
                    [(0, base), (1, base)],
                ),
                "Precision-recall curve of candidate and champion; the areas are in the table of metrics",
            ),
        ),
        (
            "Calibration",
            "Dashed: scores mean what they say.",
            svg(
                charts.calibration({name: score_bins(rows) for name, rows in facts.curves.items()}),
                "Reliability diagram: share that is positive against score",
            ),
        ),
    ]


def _positives(matrices: tuple[Matrix, ...]) -> tuple[float, float]:
    first = matrices[0]
    return first.tp + first.fn, first.tp + first.fn + first.fp + first.tn


def _metric_courses(facts: Facts) -> list[tuple[str, Markup]]:
    found = []
    for row in tiles(metric_rows(facts)):
        spec = metric_course(facts.past, row.key, facts.summary["run_id"])
        if spec is not None:
            found.append((row.name, svg(spec, f"{row.name} of each run's candidate by eval span")))
    return found


def _labels(facts: Facts) -> dict[str, Any]:
    """The label audit: classes in train beside those in eval, the rest as it is."""
    found = dict(facts.summary["labels"])
    feature = next((feature for feature in facts.features if feature.name == facts.label), None)
    side = feature.sides.get("eval") if feature else None
    current = (
        {getattr(bar, "value", ""): bar.share for bar in side.bars}
        if side and feature and feature.kind == "category"
        else {}
    )
    known = ("rows", "classes", "repeated_rows", "conflicting_rows", "ceiling", "repeated_ids", "issues")
    return {
        "audit": found,
        "classes": [(value, share, current.get(value)) for value, share in (found.get("classes") or {}).items()][:20],
        "issues": (found.get("issues") or [])[:MOST_ROWS],
        "others": [
            (name.replace("_", " "), words.number(value))
            for name, value in found.items()
            if name not in known and isinstance(value, int | float | str)
        ],
    }


def _settings(settings: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Component -> (dotted parameter, value as text); long values are cut, their number of characters said."""
    found = []
    for component, parameters in settings.items():
        rows = [(key, _cut(value)) for key, value in flat(parameters)]
        if rows:
            found.append((component, rows))
    return found


def flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Nested settings as (dotted name, value); what has more than 20 entries is data, not settings, and stays whole."""
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and value and len(value) <= 20:
            rows += flat(value, f"{name}.")
        else:
            rows.append((name, value))
    return rows


def _cut(value: Any, most: int = 300) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]} … ({len(text):,} characters)"
