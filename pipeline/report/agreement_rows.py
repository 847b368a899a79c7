"""Inter-annotator agreement in the section on labels, from `agreement` in labels.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.report.formatting import ends, fixed, listed, percent

MAX_ROWS = 10
"""Maximum number of classes, confused pairs, slices and rows; labels.json has the others."""


@dataclass(frozen=True)
class AgreementPart:
    """Inter-annotator agreement as text.

    Attributes:
      text: Annotators and compared rows.
      figures: (name, value) of the coefficients; alpha with its 95 % interval.
      annotators: (annotator, labelled rows, agreement with the majority of the others).
      pairs: (two annotators, rows, agreement, Cohen's kappa).
      classes: (class, labels, specific agreement), lowest agreement first.
      confusions: (two classes, pairs of labels, share of all unequal pairs), most frequent first.
      rows: (row, annotator -> label as text), least unanimous first.
      more: Number of other rows with different labels.
      advice: Recommendations.
    """

    text: str
    figures: tuple[tuple[str, str], ...]
    annotators: tuple[tuple[str, int, str], ...]
    pairs: tuple[tuple[str, int, str, str], ...]
    classes: tuple[tuple[str, int, str], ...]
    confusions: tuple[tuple[str, int, str], ...]
    rows: tuple[tuple[str, str], ...]
    more: int
    advice: tuple[str, ...]


def agreement_part(labels: Mapping[str, Any]) -> AgreementPart | None:
    """Formats the inter-annotator agreement of a run; None for runs without annotators.

    Args:
      labels: Content of labels.json, or of `labels` in summary.json, which has the first rows of its lists.
    """
    found = labels.get("agreement")
    if not found:
        return None
    names = [one["name"] for one in found["labelers"]]
    interval = ends(found["alpha_interval"])
    figures = (
        ("Krippendorff's alpha", fixed(found["alpha"], 3) + (f" (95 % interval {interval})" if interval else "")),
        ("Fleiss' kappa", fixed(found["fleiss"], 3)),
        ("Equal pairs of labels", percent(found["raw"])),
        ("Unanimous rows", percent(found["unanimous"])),
        ("Human-level accuracy", percent(found["human_level"])),
        ("Error of a perfect model on one annotator's labels", percent(found["best_error"])),
    )
    return AgreementPart(
        text=f"{found['compared']:,} of {found['rows']:,} training rows have labels of two or more of the annotators "
        f"{listed(names)}.",
        figures=figures,
        annotators=tuple((one["name"], one["labelled"], percent(one["agreement"])) for one in found["labelers"]),
        pairs=tuple(
            (f"{one['one']} and {one['other']}", one["rows"], percent(one["agreement"]), fixed(one["kappa"], 3))
            for one in found["cohen"][:MAX_ROWS]
        ),
        classes=tuple((one["label"], one["labels"], percent(one["agreement"])) for one in found["by_class"][:MAX_ROWS]),
        confusions=tuple(
            (f"{one['one']} / {one['other']}", one["pairs"], percent(one["share"]))
            for one in found["confusions"][:MAX_ROWS]
        ),
        rows=tuple(
            (
                one["id"] if one["id"] is not None else str(one["row"]),
                ", ".join(f"{name}: {label}" for name, label in one["labels"].items()),
            )
            for one in found["send_back"][:MAX_ROWS]
        ),
        more=max(0, found["disagreeing"] - len(found["send_back"][:MAX_ROWS])),
        advice=tuple(found["advice"]),
    )
