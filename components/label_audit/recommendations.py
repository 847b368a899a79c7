"""Recommendations from inter-annotator agreement, by rules on its figures."""

from components.label_audit.agreement import Agreement, worst_annotator
from components.label_audit.disagreement import AnnotatorConfusion

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's (2004) limits of alpha: reliable from 0.8, tentative conclusions from 0.667, unreliable below."""
BEHIND = 0.1
"""Difference from the mean agreement of the others from which an annotator is reported."""
ONE_WAY = 0.01
"""Significance level of the sign test on the direction of a confusion between two annotators."""
MANY = 0.25
"""Share of all disagreement from which a pair of classes is reported."""
LOW = 0.6
"""Specific agreement below which merging two classes is recommended."""
SLICE_GAP = 0.1
"""Difference from the overall agreement from which a slice is reported."""


def recommendations(found: Agreement) -> list[str]:
    """Returns recommendations as text, one a line, the most general first."""
    if found.raw is None:
        return ["No row has labels by two annotators: have some rows labelled twice."]
    lines = [*_overall(found), *_annotator(found)]
    for confusion in found.confusions[:3]:
        if confusion.share >= MANY:
            lines.append(_classes(found, confusion))
    lines += [
        f"{row.column}={row.value}: agreement {row.agreement:.1%} ({found.raw:.1%} overall, {row.rows:,} rows): "
        "review these rows together and add an example to the labelling guidelines."
        for row in found.by_slice[:3]
        if row.agreement <= found.raw - SLICE_GAP
    ]
    if found.disagreeing:
        lines.append(f"Have {found.disagreeing:,} rows with different labels decided; --json lists the first.")
    return lines


def _overall(found: Agreement) -> list[str]:
    if found.alpha is None:
        return [f"All {found.compared:,} rows have the same class: alpha is not defined."]
    if found.alpha >= RELIABLE:
        return [f"Alpha {found.alpha:.3f}: the labels are reliable."]
    if found.alpha >= TENTATIVE:
        return [f"Alpha {found.alpha:.3f} is between {TENTATIVE} and {RELIABLE}: conclusions are tentative."]
    return [
        f"Alpha {found.alpha:.3f} is below {TENTATIVE}: improve the labelling guidelines before labelling more rows."
    ]


def _annotator(found: Agreement) -> list[str]:
    worst = worst_annotator(found)
    if worst is None:
        return []
    labeler, rest = worst
    if labeler.agreement is None or labeler.agreement > rest - BEHIND:
        return []
    return [
        f"{labeler.name} agrees with the majority of the others on {labeler.agreement:.1%} of the rows, the others on "
        f"{rest:.1%} on average: review some of these rows together."
    ]


def _classes(found: Agreement, confusion: AnnotatorConfusion) -> str:
    one, other = confusion.one, confusion.other
    start = f"{one} / {other}: {confusion.pairs:,} of the unequal pairs of labels ({confusion.share:.0%})"
    forth, back = confusion.by_pairs
    if _sign_test(forth, back) <= ONE_WAY:
        a, b = confusion.by
        return (
            f"{start}, mostly in one direction ({a} {one} and {b} {other}: {forth:,}, reverse: {back:,}): they draw "
            "the boundary differently; define it in the labelling guidelines."
        )
    specific = {row.label: row.agreement for row in found.by_class}
    if found.classes > 2 and max(specific.get(one, 1.0), specific.get(other, 1.0)) < LOW:
        return f"{start}, in both directions, with low agreement on both classes: merge them if you can."
    return f'{start}, in both directions: add a class "uncertain" or have a second annotator decide these rows.'


def _sign_test(forth: int, back: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(forth, forth + back).pvalue)
