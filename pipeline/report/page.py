"""The report of a run as HTML. Everything that comes from data is escaped: by Jinja2, or where it is drawn."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from components.shared.texts.escaping import xml_text
from pipeline.drift.comparison_text import drift_counts
from pipeline.report import words
from pipeline.report.deciding import calibrated, deciding
from pipeline.report.error_rows import importance, weak
from pipeline.report.facts import Facts
from pipeline.report.feature_rows import feature_rows
from pipeline.report.from_card import against_champion, fairness, of_metrics
from pipeline.report.graph import graph
from pipeline.report.metric_rows import metric_rows, tiles
from pipeline.report.model_charts import metric_courses, model_charts
from pipeline.report.reasons import line_name
from pipeline.report.slice_rows import slice_rows
from pipeline.report.training_rows import training
from pipeline.report.verdict import notes, title, verdict

MOST_ROWS = 100
"""Rows of a table that may be as long as the data are wide; what is cut is counted."""

TOLD = (
    *("rows", "classes", "repeated_rows", "conflicting_rows", "ceiling", "repeated_ids"),
    *("judged", "learned", "model", "doubtful", "noise", "separable", "issues"),
)
"""Of the label audit, what the page says in sentences and tables of its own."""
OF_LABELS = {
    "near_conflicting_rows": "Rows nearly alike, labelled differently",
    "outlying_rows": "Rows unlike all others",
}


def report_page(facts: Facts) -> str:
    """The report as one HTML text: styles, script and charts are inside, nothing is fetched."""
    summary = facts.summary
    metrics = metric_rows(facts)
    features = feature_rows(facts)
    errors = {
        "weak": weak(facts),
        "importance": importance(facts),
        "slices": slice_rows(facts),
        "fairness": fairness(facts),
    }
    return render(
        "report.html.j2",
        title=title(facts),
        facts=facts,
        spanned=summary["spans"]["train"] != summary["spans"]["eval"],
        summary=summary,
        verdict=verdict(facts),
        notes=notes(facts),
        line=line_name(facts.task),
        tiles=tiles(metrics),
        metrics=metrics,
        features=features,
        drift=_drift(summary["drift"]),
        anomalies=summary["anomalies"][:MOST_ROWS],
        more_anomalies=max(0, len(summary["anomalies"]) - MOST_ROWS),
        of_metrics=of_metrics(facts),
        deciding=deciding(facts),
        calibrated=calibrated(facts),
        model_charts=model_charts(facts),
        courses=metric_courses(facts),
        against=against_champion(facts),
        training=training(facts),
        **errors,
        errors_known=any(errors.values()),
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
    ours = {"style": Markup(_text("style.css")), "script": Markup(script)}  # noqa: S704 - files of this package
    page = template.render(**ours, script_digest=digest, **values)
    return xml_text(page)


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
        "minus": words.minus,
    }
    return environment


@cache
def _text(name: str) -> str:
    return (files("pipeline.report") / "templates" / name).read_text(encoding="utf-8")


def _drift(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many columns drifted; counted as the terminal counts them, see pipeline.drift.comparison_text."""
    counts = drift_counts(rows)
    text = f"{counts.drifted:,} of {counts.compared:,} columns"
    text += f", {counts.in_slices:,} in slices only" if counts.in_slices else ""
    return f"{text}; the table as a whole" if counts.table else text


def _labels(facts: Facts) -> dict[str, Any]:
    """The label audit: classes in train beside those in eval, what is doubtful, the rest as it is."""
    found = dict(facts.summary["labels"])
    judged, doubtful = found.get("judged"), found.get("doubtful", 0)
    noise = {row["label"]: row["noise"] for row in found.get("class_noise") or ()}
    issues = (found.get("issues") or [])[:MOST_ROWS]
    says = []
    if judged:
        by = f", judged out of sample by {found['model']}" if found.get("model") else ""
        says.append(
            f"{doubtful:,} of {judged:,} training labels are doubtful ({words.percent(doubtful / judged)}){by}."
        )
    says += [f"{note[:1].upper()}{note[1:]}." for note in found.get("notes") or ()]
    if judged and doubtful > len(issues) > 0:
        says.append(f"The {len(issues):,} most doubtful:")
    feature = next((feature for feature in facts.features if feature.name == facts.label), None)
    side = feature.sides.get("eval") if feature else None
    current = (
        {getattr(bar, "value", ""): bar.share for bar in side.bars}
        if side and feature and feature.kind == "category"
        else {}
    )
    return {
        "audit": found,
        "classes": [
            (value, share, current.get(value), noise.get(value))
            for value, share in (found.get("classes") or {}).items()
        ][:20],
        "noisy": bool(noise),
        "says": " ".join(says),
        "issues": issues,
        "others": [
            (OF_LABELS.get(name) or name.replace("_", " ").capitalize(), words.number(value))
            for name, value in found.items()
            if name not in TOLD and isinstance(value, int | float | str)
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
