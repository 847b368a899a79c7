"""The report of a run as HTML. Jinja2 escapes all text that comes from data; charts escape theirs themselves."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from components.shared.audited_rows import audited_rows
from components.shared.texts.escaping import xml_text
from components.shared.texts.page_scripts import theme_and_tooltips
from pipeline.drift.comparison_text import drift_counts
from pipeline.report import formatting
from pipeline.report.agreement_rows import agreement_part
from pipeline.report.card_parts import against_champion, fairness, of_metrics
from pipeline.report.error_rows import importance, weak
from pipeline.report.facts import ReportData
from pipeline.report.feature_rows import feature_rows
from pipeline.report.finding_sentences import line_name
from pipeline.report.graph import graph
from pipeline.report.metric_rows import metric_rows, tiles
from pipeline.report.model_charts import metric_histories, model_charts
from pipeline.report.slice_rows import slice_rows
from pipeline.report.threshold_summary import calibrated, deciding
from pipeline.report.training_rows import training
from pipeline.report.verdict import notes, title, verdict

MAX_ROWS = 100
"""Largest number of rows of a table; the page gives the number of the others."""

SHOWN_APART = (
    *("rows", "classes", "repeated_rows", "conflicting_rows", "ceiling", "repeated_ids"),
    *("audited", "judged", "learned", "model", "doubtful", "noise", "separable", "issues"),
)
"""Keys of the label audit that the page shows in sentences and tables; the others form a table of figures."""
LABEL_FIGURES = {
    "near_conflicting_rows": "Near-duplicate rows with conflicting labels",
    "outlying_rows": "Outlier rows",
}


def report_page(facts: ReportData) -> str:
    """Renders the report as one self-contained HTML text with its styles, script and charts."""
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
        columns=sum(not row.is_table for row in features),
        drift=_drift(summary["drift"]),
        anomalies=summary["anomalies"][:MAX_ROWS],
        more_anomalies=max(0, len(summary["anomalies"]) - MAX_ROWS),
        of_metrics=of_metrics(facts),
        deciding=deciding(facts),
        calibrated=calibrated(facts),
        model_charts=model_charts(facts),
        histories=metric_histories(facts),
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
    """Renders a template with style, script and a content security policy that forbids loading anything else.

    Args:
      name: File name of the template in the folder `templates`.
      **values: Variables of the template.
    """
    script = theme_and_tooltips() + _text("report.js")
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
        "percent": formatting.percent,
        "number": formatting.number,
        "seconds": formatting.seconds,
        "spans": formatting.spans,
        "moment": formatting.moment,
        "metric_name": formatting.metric_name,
        "minus": formatting.minus,
    }
    return environment


@cache
def _text(name: str) -> str:
    return (files("pipeline.report") / "templates" / name).read_text(encoding="utf-8")


def _drift(rows: Sequence[Mapping[str, Any]]) -> str:
    """Number of drifted columns, counted as on the terminal (see pipeline.drift.comparison_text)."""
    counts = drift_counts(rows)
    text = f"{counts.drifted:,} of {counts.compared:,} columns"
    text += f" ({counts.severities})" if counts.severities else ""
    text += f", in slices only {counts.in_slices_text()}" if counts.in_slices else ""
    return f"{text}; the table as a whole" if counts.table else text


def _labels(facts: ReportData) -> dict[str, Any]:
    """The label audit: class shares in train and eval, suspected label errors, remaining figures."""
    found = dict(facts.summary["labels"])
    audited, doubtful = audited_rows(found), found.get("doubtful", 0)
    noise = {row["label"]: row["noise"] for row in found.get("class_noise") or ()}
    issues = (found.get("issues") or [])[:MAX_ROWS]
    text = []
    if audited:
        by = f" by out-of-sample predictions of {found['model']}" if found.get("model") else ""
        share = formatting.percent(doubtful / audited)
        text.append(f"{doubtful:,} of {audited:,} training labels ({share}) are suspected errors{by}.")
    text += [f"{note[:1].upper()}{note[1:]}." for note in found.get("notes") or ()]
    if audited and doubtful > len(issues) > 0:
        text.append(f"The {len(issues):,} with the lowest label quality:")
    feature = next((feature for feature in facts.features if feature.name == facts.label), None)
    side = feature.splits.get("eval") if feature else None
    current = (
        {getattr(bar, "value", ""): bar.share for bar in side.bars}
        if side and feature and feature.kind == "category"
        else {}
    )
    return {
        "audit": found,
        "agreement": agreement_part(found),
        "classes": [
            (value, share, current.get(value), noise.get(value))
            for value, share in (found.get("classes") or {}).items()
        ][:20],
        "noisy": bool(noise),
        "text": " ".join(text),
        "issues": issues,
        "thumbnails": facts.thumbnails,
        "others": [
            (LABEL_FIGURES.get(name) or name.replace("_", " ").capitalize(), formatting.number(value))
            for name, value in found.items()
            if name not in SHOWN_APART and isinstance(value, int | float | str)
        ],
    }


def _settings(settings: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """(component, rows of dotted parameter and value as text); long values are truncated."""
    found = []
    for component, parameters in settings.items():
        rows = [(key, _cut(value)) for key, value in flat(parameters)]
        if rows:
            found.append((component, rows))
    return found


def flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Flattens nested settings to (dotted name, value); a table of more than 20 entries is data and stays whole."""
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
