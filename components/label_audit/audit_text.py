"""The label audit in a few lines for a person."""

from components.label_audit.agreement import Agreement
from components.label_audit.audit import LabelAudit
from components.label_audit.recommendations import advice

MOST_SHOWN = 10


def audit_lines(found: LabelAudit) -> list[str]:
    """What was found about the labels."""
    if not found.judged:
        return list(found.notes)
    hard = ", hard rows among them" if found.separable is False else ""
    lines = [
        f"{found.doubtful:,} of {found.judged:,} labels are doubtful ({found.noise:.1%}{hard}), "
        f"judged out of sample by {found.model}"
    ]
    lines += [f"  note: {note}" for note in found.notes]
    for each in found.class_noise[:5]:
        if each.doubtful:
            lines.append(f"  labelled {each.label}: {each.doubtful:,} of {each.rows:,} doubtful ({each.noise:.1%})")
    for pair in found.confused[:5]:
        lines.append(f"  {pair.rows:,} labelled {pair.label} look like {pair.suggested}")
    consistency = found.consistency
    if consistency.conflicting_rows:
        lines.append(f"  {consistency.conflicting_rows:,} rows equal another in every feature and not in the label")
    if found.near_conflicting_rows:
        lines.append(f"  {found.near_conflicting_rows:,} rows are nearly alike another that is labelled differently")
    if consistency.repeated_ids:
        lines.append(f"  {consistency.repeated_ids:,} rows share their id with another")
    if found.outlying_rows:
        lines.append(f"  {found.outlying_rows:,} rows are unlike all others")
    if found.issues:
        named = [issue.id if issue.id is not None else str(issue.row) for issue in found.issues[:MOST_SHOWN]]
        width = max(len("id"), *(len(name) for name in named))
        lines += ["", f"{'quality':>7}  {'row':>9}  {'id':<{width}}  label -> suggested"]
        lines += [
            f"{issue.quality:>7.3f}  {issue.row:>9}  {name:<{width}}  {issue.label} -> {issue.suggested}"
            for issue, name in zip(found.issues, named, strict=False)
        ]
        if found.doubtful > len(named):
            lines.append(f"and {found.doubtful - len(named):,} more: --json lists, --export FILE writes them")
    return lines


def agreement_lines(found: Agreement) -> list[str]:
    """What the labelers' columns say, and what to do."""
    names = ", ".join(each.name for each in found.labelers)
    lines = [f"labelers {names}: {found.compared:,} of {found.rows:,} rows have two labels or more"]
    if found.raw is not None:
        lines.append(
            f"  raw agreement {found.raw:.1%}, Fleiss' kappa {_figure(found.fleiss)}, "
            f"Krippendorff's alpha {_figure(found.alpha)}"
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
            f"  human level {found.human_level:.1%}; even a model that knows the truth shows an error of {best} "
            "against one labeler"
        )
    return [*lines, *(f"  {line}" for line in advice(found))]


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
