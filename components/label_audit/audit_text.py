"""Text output of the label audit."""

from components.label_audit.agreement import Agreement
from components.label_audit.audit import LabelAudit
from components.label_audit.recommendations import recommendations

MAX_SHOWN = 10


def audit_lines(found: LabelAudit) -> list[str]:
    """Formats a label audit: the number of suspected label errors, notes, and the issues of lowest quality."""
    if not found.audited:
        return list(found.notes)
    lines = [
        f"{found.doubtful:,} of {found.audited:,} labels are suspected errors ({found.noise:.1%}), "
        f"by out-of-sample predictions of {found.model}"
    ]
    lines += [f"  note: {note}" for note in found.notes]
    for each in found.class_noise[:5]:
        if each.doubtful:
            lines.append(f"  label {each.label}: {each.doubtful:,} of {each.rows:,} suspected ({each.noise:.1%})")
    for pair in found.confused[:5]:
        lines.append(f"  {pair.label} -> {pair.suggested}: {pair.rows:,} rows")
    consistency = found.consistency
    if consistency.conflicting_rows:
        lines.append(
            f"  rows equal to another in every feature but labelled differently: {consistency.conflicting_rows:,}"
        )
    if found.near_conflicting_rows:
        lines.append(f"  rows nearly equal to another but labelled differently: {found.near_conflicting_rows:,}")
    if consistency.repeated_ids:
        lines.append(f"  rows whose id occurs more than once: {consistency.repeated_ids:,}")
    if found.outlying_rows:
        lines.append(f"  outliers: {found.outlying_rows:,} rows")
    if found.issues:
        named = [issue.id if issue.id is not None else str(issue.row) for issue in found.issues[:MAX_SHOWN]]
        width = max(len("id"), *(len(name) for name in named))
        lines += ["", f"{'quality':>7}  {'row':>9}  {'id':<{width}}  label -> suggested"]
        lines += [
            f"{issue.quality:>7.3f}  {issue.row:>9}  {name:<{width}}  {issue.label} -> {issue.suggested}"
            for issue, name in zip(found.issues, named, strict=False)
        ]
        if found.doubtful > len(named):
            lines.append(f"and {found.doubtful - len(named):,} more: see --json or --export FILE")
    return lines


def agreement_lines(found: Agreement) -> list[str]:
    """Formats the inter-annotator agreement with recommendations."""
    names = ", ".join(each.name for each in found.labelers)
    lines = [f"annotators {names}: {found.compared:,} of {found.rows:,} rows have two labels or more"]
    if found.raw is not None:
        lines.append(
            f"  raw agreement {found.raw:.1%}, Fleiss' kappa {_figure(found.fleiss)}, "
            f"Krippendorff's alpha {_figure(found.alpha)}{_interval(found)}"
        )
        lines += [
            f"  {pair.one} and {pair.other}: {pair.agreement:.1%} of {pair.rows:,} rows, "
            f"Cohen's kappa {_figure(pair.kappa)}"
            for pair in found.cohen
            if pair.agreement is not None
        ]
    if found.human_level is not None:
        best = "unknown" if found.best_error is None else f"{found.best_error:.1%}"
        lines.append(
            f"  human-level accuracy {found.human_level:.1%}; expected error of a perfect model on the labels of one "
            f"annotator: {best}"
        )
    return [*lines, *(f"  {line}" for line in recommendations(found))]


def _interval(found: Agreement) -> str:
    if found.alpha_interval is None:
        return ""
    low, high = found.alpha_interval
    return f" (95 % interval {low:.3f} to {high:.3f})"


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
