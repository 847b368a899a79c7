"""Tables and summary of before_labels.py."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.before_labels_streams import Stream

SHARES = (0.0, 0.05, 0.2)
WIDER = 1.25


@dataclass(frozen=True)
class Outcome:
    """One estimate of one window: bounds are None if it abstains."""

    value: float | None
    low: float | None
    high: float | None
    real: float

    @property
    def covers(self) -> bool:
        """Whether the real metric lies in the interval."""
        return self.low is not None and self.high is not None and self.low <= self.real <= self.high

    @property
    def width(self) -> float:
        """Width of the interval; NaN if it abstains."""
        return float("nan") if self.low is None or self.high is None else self.high - self.low


Key = tuple[str, float, str]  # metric, share of labels, rule
DriftKey = tuple[str, str, float, str]  # metric, kind, share of labels, rule


def summed(stream: Stream, key: Key, outcomes: list[Outcome]) -> dict[str, Any]:
    """One row of `results`."""
    metric, share, rule = key
    given = [one for one in outcomes if one.low is not None]
    return {
        "stream": stream.name, "real": stream.real, "metric": metric, "labels": share, "rule": rule,
        "windows": len(outcomes), "covered": mean_of([one.covers for one in given]),
        "abstained": mean_of([one.low is None for one in outcomes]), "width": mean_of([one.width for one in given]),
        "error": mean_of([abs(one.value - one.real) for one in given if one.value is not None]),
    }  # fmt: skip


def noticed(stream: Stream, key: DriftKey, pairs: list[tuple[Outcome, Outcome]]) -> dict[str, Any]:
    """One row of `drift`; pairs of outcomes without and with drift."""
    metric, kind, share, rule = key
    pairs = [(before, after) for before, after in pairs if before.low is not None]
    seen = [after.low is None or after.width >= WIDER * before.width for before, after in pairs]
    held = [one or after.covers for one, (_, after) in zip(seen, pairs, strict=True)]
    safe = [after.low is None or after.covers for _, after in pairs]
    return {
        "stream": stream.name, "metric": metric, "kind": kind, "labels": share, "rule": rule, "windows": len(pairs),
        "noticed": mean_of(seen), "covered_or_abstained": mean_of(safe), "held": mean_of(held),
    }  # fmt: skip


def summary(results: list[dict[str, Any]], drift: list[dict[str, Any]], narrower: list[bool]) -> dict[str, Any]:
    """Shares over all windows: of ours, by rule and share of labels."""

    def share(rows: list[dict[str, Any]], name: str, weight: Callable[[dict[str, Any]], float]) -> float | None:
        whole = sum(weight(row) for row in rows if row[name] is not None)
        return (
            round(sum(weight(row) * row[name] for row in rows if row[name] is not None) / whole, 4) if whole else None
        )

    def given(row: dict[str, Any]) -> float:
        return float(row["windows"] * (1 - row["abstained"]))

    rules = sorted({row["rule"] for row in results})
    covered = {
        f"{rule}, labels {labels:.0%}": share(
            [row for row in results if row["rule"] == rule and row["labels"] == labels], "covered", given
        )
        for rule in rules
        for labels in SHARES
    }
    kinds = sorted({(row["kind"].split()[0], row["labels"], row["rule"]) for row in drift})
    return {
        "covered": {name: value for name, value in covered.items() if value is not None},
        "covered_real": share([row for row in results if row["rule"] == "ours" and row["real"]], "covered", given),
        "narrower": mean_of(narrower),
        "noticed": {
            f"{rule}, {kind}, labels {labels:.0%}": {
                name: share(
                    [r for r in drift if (r["kind"].split()[0], r["labels"], r["rule"]) == (kind, labels, rule)],
                    name,
                    lambda row: float(row["windows"]),
                )
                for name in ("noticed", "covered_or_abstained", "held")
            }
            for kind, labels, rule in kinds
        },
    }


def show(results: list[dict[str, Any]], drift: list[dict[str, Any]], stream: str) -> None:
    """Prints the rows of a stream."""
    for row in results:
        if row["stream"] == stream:
            print(
                f"{stream:<24}{row['metric']:<18}{row['labels']:>5.0%} {row['rule']:<8}{row['windows']:>4}"
                f"  covered {_text(row['covered'])}  abstained {_text(row['abstained'])}  width {_text(row['width'])}"
                f"  error {_text(row['error'])}",
                flush=True,
            )
    for row in drift:
        if row["stream"] == stream:
            print(
                f"{stream:<24}{row['metric']:<18}{row['labels']:>5.0%} {row['rule']:<8}{row['windows']:>4}"
                f"  {row['kind']:<14} noticed {_text(row['noticed'])}  covered or abstained"
                f" {_text(row['covered_or_abstained'])}",
                flush=True,
            )


def mean_of(values: list[Any]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _text(value: float | None) -> str:
    return "      -" if value is None else f"{value:7.4g}"
