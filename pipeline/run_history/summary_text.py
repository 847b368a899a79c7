"""The text of a run's summary: in some lines for the terminal, or in one line."""

import os
from collections.abc import Mapping
from typing import Any

from components.shared.audited_rows import audited_rows
from components.shared.statistics.metric_names import MAIN_METRICS
from pipeline.drift.comparison_text import drift_counts, in_short
from pipeline.run_history.cautions import caution_text, cautions
from pipeline.run_history.run_summary import Summary
from pipeline.settings import tuning_result_text

MAX_WARNINGS = 4
"""Maximum number of evaluator warnings in the text; the report has all."""


def summary_text(summary: Summary) -> str:
    """Returns the summary in a few lines."""
    train, evaluation = (f"{summary.rows.get(split, 0):,} rows" for split in ("train", "eval"))
    if summary.spans["train"] != summary.spans["eval"]:
        train, evaluation = (
            f"{spans_text(summary.spans[split])} ({size})" for split, size in (("train", train), ("eval", evaluation))
        )
    lines = [f"{summary.dataset}: trained on {train}, evaluated on {evaluation}"]
    lines += [f"  integrity   {line}" for line in summary.integrity]
    lines += [f"  warning     {caution_text(one)}" for one in cautions(summary.to_json())]
    left_out = sum(summary.unlabelled.values())
    if left_out:
        lines.append(f"  dropped     {left_out:,} rows without a label")
    for corrected in summary.corrections:
        counts = ", ".join(f"{corrected[what]:,} {what}" for what in ("relabelled", "changed", "dropped"))
        lines.append(f"  corrected   {counts} rows, by {corrected['name']}")
    anomalies = [f"{row['feature']}: {row['detail']}" for row in summary.anomalies]
    lines.append(f"  anomalies   {_some(anomalies)}")
    lines.append(f"  drift       {in_short(summary.drift)}")
    if audited_rows(summary.labels):
        lines.append(f"  labels      {_label_text(summary.labels)}")
    if agreement := summary.labels.get("agreement"):
        lines.append(f"  agreement   {_agreement_text(agreement)}")
    if summary.tuned:
        lines.append(f"  tuned       {_tuned_text(summary)}")
    if summary.stopped is not None:
        lines.append(f"  stopped     {summary.stopped}")
    if summary.metrics:
        lines += _metric_lines(summary)
        if summary.model:
            lines.append(f"  model       {_model_text(summary.model)}")
        if summary.baselines:
            lines.append(f"  baselines   {_baseline_text(summary)}")
        if one := summary.strongest_column:
            lines.append(f"  strongest   {' '.join(one['column'].split())} alone: {one['metric']} {one['value']:.4f}")
        lines += [f"  warning     {one}" for one in summary.warnings[:MAX_WARNINGS]]
        if len(summary.warnings) > MAX_WARNINGS:
            lines.append(f"  warning     and {len(summary.warnings) - MAX_WARNINGS} more in the report")
        lines.append(f"  weakest     {_weakest_text(summary.weakest_slices)}")
        lines.append(f"  blessed     {_blessing_text(summary)}")
    if summary.pushed is not None:
        lines.append(f"  pushed      version {summary.pushed}: {_nearby(summary.registry)}/{summary.pushed}")
        lines.append(f"  serve       plumbline serve --dataset {summary.dataset}")
    elif summary.metrics:
        lines.append("  pushed      nothing")
    count = len(summary.components)
    if summary.cached == count:
        lines.append(f"  cached      all {count} components; nothing changed")
    elif summary.cached:
        lines.append(f"  cached      {summary.cached} of {count} components")
    lines.append(f"  report      {_nearby(summary.report)}")
    lines.append(f"  log         {_nearby(summary.log)}")
    return "\n".join(lines)


def summary_line(summary: Summary) -> str:
    """Returns the summary of a replayed span in one line."""
    shown = " ".join(f"{name} {summary.metrics[name]:.3f}" for name in _shown(summary) if _known(summary, name))
    champion = summary.champion
    against = f"against v{champion['version']}" if champion else "no champion yet"
    if summary.stopped is not None:
        outcome = f"stopped: {summary.stopped}"
    elif summary.pushed is not None:
        outcome = f"pushed as v{summary.pushed}"
    else:
        outcome = f"not pushed: {_some(summary.violation_texts, 2)}"
    drifted = drift_counts(summary.drift).drifted
    moved = f"drift in {drifted}" if drifted else "no drift"
    return (
        f"span {summary.spans['eval'][0]:>3}  train {spans_text(summary.spans['train']):<12} "
        f"{summary.rows.get('eval', 0):>8,} rows  {shown}  {moved:<11}  {against:<16}  {outcome}  "
        f"({summary.seconds:.0f} s)"
    )


def spans_text(spans: list[int]) -> str:
    """Formats span numbers: [9, 10, 11] -> "spans 9-11"."""
    return f"span {spans[0]}" if len(spans) == 1 else f"spans {spans[0]}-{spans[-1]}"


def _nearby(path: str) -> str:
    """The path, relative if it is below the working directory."""
    if "://" in path:
        return path
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def _shown(summary: Summary) -> list[str]:
    return [name for name in MAIN_METRICS if name in summary.metrics][:3]


def _known(summary: Summary, name: str) -> bool:
    return summary.metrics[name] is not None


def _metric_lines(summary: Summary) -> list[str]:
    lines = []
    before = (summary.champion or {}).get("metrics", {})
    for name in _shown(summary):
        value, champion = summary.metrics[name], before.get(name)
        line = f"  {name:<19} {'unknown' if value is None else f'{value:.4f}'}"
        if value is not None and champion is not None:
            version = (summary.champion or {})["version"]
            line += f"   champion (version {version}) {champion:.4f}, {value - champion:+.4f}"
        lines.append(line)
    return lines


def _model_text(model: Mapping[str, Any]) -> str:
    """The members with their weights, and the candidates that were not selected."""
    members = [one for one in model["members"] if one["weight"]]
    weighed = len(members) > 1
    used = " + ".join(f"{one['weight']:.2f} {one['name']}" if weighed else one["name"] for one in members)
    others = ", ".join(one["name"] for one in model["members"] if not one["weight"])
    return f"{used}, in {model['seconds']:.0f} s" + (
        f"; not selected: {others} (reasons in the report)" if others else ""
    )


def _baseline_text(summary: Summary) -> str:
    """The first two metrics of each baseline: "linear auc 0.7210 average_precision 0.3516; prior …"."""
    names = _shown(summary)[:2]
    return "; ".join(
        f"{baseline} " + " ".join(f"{name} {value:.4f}" for name in names if (value := metrics.get(name)) is not None)
        for baseline, metrics in sorted(summary.baselines.items())
    )


def _blessing_text(summary: Summary) -> str:
    if not summary.blessed:
        return f"no: {_some(summary.violation_texts)}"
    return "yes" if summary.champion else "yes: passed the absolute thresholds (no champion yet)"


def _weakest_text(slices: list[dict[str, Any]]) -> str:
    if not slices:
        return "no weak slice found"
    first, more = slices[0], len(slices) - 1
    others = f" ({more} more in the report)" if more else ""
    return f"{first['slice']}, {first['rows']:,} rows; {first.get('next', 'see the report')}{others}"


def _tuned_text(summary: Summary) -> str:
    said = tuning_result_text.in_short(summary.tuned, most=4)
    if run_id := summary.tuned.get("run_id"):
        return f"{said} (from run {run_id})"
    keep = f"; keep it: plumbline tuned --dataset {summary.dataset} --write"
    return said + keep if summary.tuned["adopted"] else said


def _label_text(labels: Mapping[str, Any]) -> str:
    audited = audited_rows(labels)
    share = labels["doubtful"] / audited
    hard = "; classes overlap, so some may only be hard to predict" if labels.get("separable") is False else ""
    return f"{labels['doubtful']:,} of {audited:,} suspected label errors ({share:.1%}){hard}"


def _agreement_text(agreement: Mapping[str, Any]) -> str:
    """Krippendorff's alpha with its interval, and the number of rows that annotators labelled differently."""
    if agreement["alpha"] is None:
        return agreement["advice"][0]
    interval = agreement["alpha_interval"]
    ends = f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return (
        f"Krippendorff's alpha {agreement['alpha']:.3f}{ends} of {len(agreement['labelers'])} annotators; "
        f"{agreement['disagreeing']:,} of {agreement['compared']:,} rows have different labels"
    )


def _some(items: list[str], most: int = 3) -> str:
    if not items:
        return "none"
    more = f", and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more
