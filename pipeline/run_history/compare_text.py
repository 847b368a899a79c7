"""Text of a comparison of two runs."""

from typing import TYPE_CHECKING

from components.shared.statistics.metric_names import MAIN_METRICS
from pipeline.run_history import compare_data

if TYPE_CHECKING:
    from components.shared.statistics.bootstrap import Interval
    from pipeline.run_history.compare_gain import MetricDelta, MetricGain
    from pipeline.run_history.compare_runs import RunComparison

SAYS = {
    "data-centric": "the data changed, the code did not",
    "model-centric": "the code or its settings changed, the data did not",
    "both": "data and code changed; two runs cannot separate their effects",
    "nothing": "neither data nor code changed",
}


def run_comparison_text(found: "RunComparison") -> str:
    """Returns the comparison in lines, verdict first."""
    lines = [f"{found.before} -> {found.after}: {found.verdict}: {SAYS[found.verdict]}"]
    if found.gain is not None:
        lines.append(f"  gain     {_gain(found.gain)}")
    if found.rows is not None and found.spans:
        rows = found.rows
        lines.append(
            f"  rows     {rows.added:,} added, {rows.dropped:,} dropped, {rows.relabelled:,} relabelled, "
            f"{rows.features:,} with other features"
        )
    for change in found.spans:
        first, *rest = compare_data.span_changes_text(change)
        lines += [f"  {first}", *(f"    {line}" for line in rest)]
    if found.corrections[0] != found.corrections[1]:
        lines.append(f"  corrections  {' -> '.join(_corrections(one) for one in found.corrections)}")
    lines += [f"  extra    {line}" for line in compare_data.extra_lines(*found.extra)]
    lines += [f"  step     {line}" for line in compare_data.step_lines(*found.steps)]
    if found.schema is not None:
        lines.append(f"  schema   {found.schema}")
    told = found.parameters if found.settings is None else found.settings
    lines += [f"  setting  {change.name}: {change.before} -> {change.after}" for change in told]
    if found.code:
        lines.append(f"  code     {', '.join(found.code)}")
    was, is_ = (f"version {version}" if version else "no champion" for version in found.champions)
    lines.append(f"  against  {was}" + ("" if was == is_ else f" -> {is_}"))
    lines.append(f"  outcome  {found.outcome[0]} -> {found.outcome[1]}")
    return "\n".join([*lines, *_metrics(found)])


def _metrics(found: "RunComparison") -> list[str]:
    lines = []
    if not found.same_eval:
        lines.append("  The runs were evaluated on different rows, so their metrics are not directly comparable.")
    if found.without_intervals:
        lines.append(f"  No intervals: {found.without_intervals}")
    measured = found.intervals
    if measured is not None:
        lines.append(
            f"  Both models on the later run's {measured.rows:,} eval rows, the difference with its "
            f"{measured.level:.0%} interval:"
        )
        lines += [f"  {name:<18} {_interval(one)}" for name, one in measured.metrics.items()]
        for name, metrics in measured.slices.items():
            shown = next(iter(metrics), None)
            if shown is not None:
                lines.append(f"    {name:<24} {shown} {_interval(metrics[shown])}")
        return lines
    lines += [f"  {name:<18} {_change(found.metrics[name])}" for name in MAIN_METRICS if name in found.metrics]
    for name, deltas in found.slices.items():
        shown = next((metric for metric in MAIN_METRICS if metric in deltas), None)
        if shown is not None and (deltas[shown].delta or deltas[shown].before != deltas[shown].after):
            lines.append(f"    {name:<24} {shown} {_change(deltas[shown])}")
    return lines


def _gain(gain: "MetricGain") -> str:
    if gain.low is None or gain.high is None:
        return f"{gain.metric} {gain.before:.4f} -> {gain.after:.4f}: {gain.gain:+.4f}"
    chance = "" if gain.low > 0 or gain.high < 0 else ", not significant"
    return (
        f"{gain.metric} {gain.before:.4f} -> {gain.after:.4f}: {gain.gain:+.4f} "
        f"({gain.low:+.4f} to {gain.high:+.4f}{chance})"
    )


def _corrections(files: tuple[dict, ...]) -> str:
    if not files:
        return "none"
    return ", ".join(
        f"{one.get('name') or str(one.get('sha256', ''))[:16]}"
        + (f" ({one['rows']:,} corrections)" if isinstance(one.get("rows"), int) else "")
        for one in files
    )


def _interval(one: "Interval") -> str:
    told = f"{one.before:.4f} -> {one.after:.4f}  {one.delta:+.4f}"
    if one.low is None or one.high is None:
        return told
    return f"{told}  [{one.low:+.4f}, {one.high:+.4f}]" + ("" if one.excludes_zero else "  not significant")


def _change(delta: "MetricDelta") -> str:
    before, after = ("unknown" if value is None else f"{value:.4f}" for value in (delta.before, delta.after))
    return f"{before} -> {after}" + ("" if delta.delta is None else f"  {delta.delta:+.4f}")
