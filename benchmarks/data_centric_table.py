"""The talk's table of one scenario: a line an attempt, gains with their intervals, in points of 100."""

from typing import Any

SHOWN = ("auc", "average_precision", "f1")
"""Not accuracy: three flights of four are punctual, and who calls all of them punctual has 74 %."""


def table(result: dict[str, Any]) -> str:
    """As text. `result` is one of the scenarios that data_centric.loops returns."""
    lines = [_head(result), "", f"{'':<44}" + "".join(f"{name:>26}" for name in SHOWN)]
    for name, cells in _rows(result):
        lines.append(f"{name:<44}" + "".join(f"{cell:>26}" for cell in cells))
    return "\n".join(lines)


def markdown(result: dict[str, Any]) -> str:
    """As Markdown."""
    lines = [_head(result), "", f"| | {' | '.join(SHOWN)} |", "|---|" + "---:|" * len(SHOWN)]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in _rows(result)]
    return "\n".join(lines)


def _head(result: dict[str, Any]) -> str:
    where = ", ".join(result["slices"]) or "no slice"
    return (
        f"{result['scenario']}: {result['says']}. {result['wrong']:,} labels wrong, {result['late_wrong']:,} of late "
        f"flights. The baseline run reports drift of the label in: {where}"
    )


def _rows(result: dict[str, Any]) -> list[tuple[str, list[str]]]:
    rows = [("baseline", [f"{100 * result['baseline'][name]:.2f}" for name in SHOWN])]
    for name, attempt in result["attempts"].items():
        title = name
        if "looked_at" in attempt:
            title += f" ({attempt['looked_at']:,} looked at, {attempt['corrected']:,} wrong)"
        rows.append((title, [_gain(attempt["metrics"][metric]) for metric in SHOWN]))
    return rows


def _gain(one: dict[str, Any]) -> str:
    ends = "" if one["low"] is None else f" [{100 * one['low']:+.2f}, {100 * one['high']:+.2f}]"
    return f"{100 * one['delta']:+.2f}{ends}"
