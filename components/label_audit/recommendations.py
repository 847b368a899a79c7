"""What to do about disagreement between labelers, by rules over the figures."""

from components.label_audit.agreement import Agreement, worst_labeler
from components.label_audit.disagreement import Confusion

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's (2004) marks: labels with an alpha from 0.8 on are reliable, below 0.667 unfit to conclude from."""
BEHIND = 0.1
"""A labeler whose agreement is this far below the others' mean is spoken of."""
ONE_WAY = 0.01
"""Chance, at most, of so lopsided a confusion if both labelers drew the line in the same place (sign test)."""
MANY = 0.25
"""Share of all disagreement from which a pair of classes is spoken of."""
LOW = 0.6
"""Specific agreement below which two classes are hardly two."""
SLICE_GAP = 0.1
"""A slice that agrees by this much less than the whole is spoken of."""


def advice(found: Agreement) -> list[str]:
    """A line for each thing to do, the most general first; empty where nothing stands out or can be said."""
    if found.raw is None:
        return ["No row has labels of two labelers: have some rows labelled twice, then ask again."]
    lines = [*_overall(found), *_labeler(found)]
    for confusion in found.confusions[:3]:
        if confusion.share >= MANY:
            lines.append(_classes(found, confusion))
    lines += [
        f"{row.column}={row.value}: only {row.agreement:.1%} agree there ({found.raw:.1%} overall, {row.rows:,} rows): "
        "look at its rows together and add an example of it to the definition."
        for row in found.by_slice[:3]
        if row.agreement <= found.raw - SLICE_GAP
    ]
    if found.disagreeing:
        lines.append(f"Send {found.disagreeing:,} rows back for a decision; the most divided are listed.")
    return lines


def _overall(found: Agreement) -> list[str]:
    if found.alpha is None:
        return [f"All {found.compared:,} rows have one class: agreement beyond chance cannot be measured."]
    if found.alpha >= RELIABLE:
        return [f"Alpha {found.alpha:.3f}: the labels are reliable."]
    if found.alpha >= TENTATIVE:
        return [f"Alpha {found.alpha:.3f} lies between {TENTATIVE} and {RELIABLE}: conclusions are tentative."]
    return [f"Alpha {found.alpha:.3f} is below {TENTATIVE}: sharpen the definition before anybody labels more."]


def _labeler(found: Agreement) -> list[str]:
    worst = worst_labeler(found)
    if worst is None:
        return []
    labeler, rest = worst
    if labeler.agreement is None or labeler.agreement > rest - BEHIND:
        return []
    return [
        f"{labeler.name} agrees with the others in {labeler.agreement:.1%} of the rows, they in {rest:.1%}: "
        "go through some of these rows together."
    ]


def _classes(found: Agreement, confusion: Confusion) -> str:
    one, other = confusion.one, confusion.other
    start = f"{one} / {other}: {confusion.pairs:,} of the pairs that disagree ({confusion.share:.0%})"
    forth, back = confusion.by_pairs
    if _sign_test(forth, back) <= ONE_WAY:
        a, b = confusion.by
        return (
            f"{start}, mostly one way ({a} against {b}: {forth:,} to {back:,}): they draw the line in different "
            "places; sharpen the definition."
        )
    specific = {row.label: row.agreement for row in found.by_class}
    if found.classes > 2 and max(specific.get(one, 1.0), specific.get(other, 1.0)) < LOW:
        return f"{start}, both ways, and neither class is agreed on: merge them unless the difference matters."
    return f'{start}, both ways: these rows are hard; add an "uncertain" class or have a second labeler decide.'


def _sign_test(forth: int, back: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(forth, forth + back).pvalue)
