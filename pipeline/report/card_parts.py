"""Sections that the report takes from the model card, so that both show the same text and tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.model_card import card, content
from pipeline.report.facts import ReportData
from pipeline.report.formatting import metric_name


@dataclass(frozen=True)
class Part:
    """Blocks of a card (Text, Items, Table), a one-line summary `gist`, and the number of omitted rows."""

    gist: str
    blocks: tuple[content.CardText | content.CardItems | content.CardTable, ...]
    more: int = 0


def of_metrics(facts: ReportData) -> str:
    """Explains intervals and baselines; empty for runs without either."""
    return card.OF_METRICS if facts.evaluation.get("intervals") or facts.baselines else ""


def against_champion(facts: ReportData) -> Part | None:
    """The significance test of the differences to the champion and its results; None if nothing was tested."""
    compared = facts.evaluation.get("comparisons") or []
    if not compared or not facts.evaluation.get("champion"):
        return None
    worse = [_where(row) for row in compared if row["significant"]]
    more = f" and {len(worse) - 3:,} more" if len(worse) > 3 else ""
    gist = f"significantly worse: {'; '.join(worse[:3])}{more}" if worse else "significantly worse in no metric"
    return Part(gist, card.against_champion(facts.evaluation), max(0, len(compared) - card.MAX_ROWS))


def fairness(facts: ReportData) -> Part | None:
    """Fairness metrics by group of each sensitive column; None without sensitive columns."""
    found = card.fairness(facts.evaluation)
    if found is None:
        return None
    gaps = facts.evaluation["fairness"].get("gaps") or []
    over = [gap for gap in gaps if gap.get("limit") is not None and gap["value"] > gap["limit"] and gap["significant"]]
    if over:
        gist = f"{len(over):,} gap{'s' * (len(over) > 1)} above the limit"
    elif gaps:
        first = gaps[0]
        name = first["metric"].replace("_", " ")
        gist = f"largest gap {100 * first['value']:.1f} percentage points: {name}, {first['high']} over {first['low']}"
    else:
        gist = "groups have too few rows for a comparison"
    return Part(gist, found.blocks)


def _where(row: Mapping[str, Any]) -> str:
    return metric_name(row["metric"]) + (f" on {row['slice']}" if row["slice"] else "")
