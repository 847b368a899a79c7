"""Drift history as a terminal table."""

import textwrap
import unicodedata
from collections.abc import Sequence

from pipeline.drift.history import DriftHistory, DriftTrend, plain

_SHORT = {"chebyshev": "Chebyshev", "kolmogorov_smirnov": "KS", "jensen_shannon": "JSD", "total_variation": "TV"}
_CELL = 7  # width of a cell, " 0.123*"
_NAME = 18  # maximum width of a feature name
_NARROWEST, _WIDEST = 80, 120  # range of the line width
_MAX_LINES = 12  # maximum number of lines of each list below the table


def history_table(history: DriftHistory, width: int = 100) -> str:
    """Formats a drift history: a line for each feature, a column for each span, and lists of other drift below.

    Args:
      history: The history; the last spans that fit the width are shown.
      width: Width of the terminal in characters; it is clipped to 80..120.
    """
    skipped = ""
    if history.unreadable:
        skipped = f"{history.unreadable} unreadable {_plural('summary', history.unreadable)} skipped"
    if not history.compared:
        return "\n".join(["No run has reached the drift check yet.", *([skipped] if skipped else [])])
    width = min(max(width, _NARROWEST), _WIDEST)
    name_width = max(8, *(min(_width(_name(trend)), _NAME) for trend in history.main))
    head = name_width + 2 + len("prior shift") + 2 + len("threshold") + 1
    count = min((width - head) // _CELL, len(history.compared))
    first = len(history.compared) - count
    shown = history.compared[first:]
    elsewhere = {(trend.feature, number) for trend in history.others for number in trend.drifted}

    unit = history.unit
    severely = " ! severely," if any(_is_severe(trend, at) for trend in history.main for at in trend.drifted) else ""
    lines = [
        *textwrap.wrap(f"{plain(history.dataset)}: {history.finding()}", width),
        *textwrap.wrap(
            f"Distance of each {unit} from its baseline; * drifted,{severely} + drifted in another measure or slice.",
            width,
        ),
        "",
        f"{'feature':<{name_width}}  {'measure':<11}  {'threshold':>9} "
        + "".join(
            f"{_header(one.name, unit if number == 0 else ''):>{_CELL - 1}} " for number, one in enumerate(shown)
        ),
    ]
    for trend in history.main:
        cells = "".join(
            _cell(trend, number, (trend.feature, number) in elsewhere) for number in range(first, first + count)
        )
        measure = "prior shift" if trend.role == "label" else _measure(trend.measure)
        newest = trend.newest
        threshold = "-" if newest is None or newest.threshold is None else f"{newest.threshold:.3f}"
        lines.append(f"{_pad(_name(trend), name_width)}  {_pad(measure, 11)}  {threshold:>9} {cells}")
    if first:
        lines.append(f"The last {count} of {len(history.compared)} {unit}s; see --json for all.")
    lines += _list("other measures", history, [trend for trend in history.others if not trend.slice], width)
    lines += _list("slices", history, [trend for trend in history.others if trend.slice], width)
    if skipped:
        lines += ["", skipped]
    return "\n".join(line.rstrip() for line in lines)


def _list(title: str, history: DriftHistory, trends: Sequence[DriftTrend], width: int) -> list[str]:
    if not trends:
        return []
    lines = ["", title]
    for trend in trends[:_MAX_LINES]:
        row = trend.rows[trend.farthest]
        assert row is not None  # it drifted there
        where = f" in {plain(trend.slice)}" if trend.slice else ""
        against = "" if row.threshold is None else f" > {row.threshold:.3f}"
        names = history.names(trend.drifted)
        text = f"  {plain(trend.feature)}{where}: {_measure(trend.measure)} in {names}, "
        text += f"{'at most ' if len(trend.drifted) > 1 else ''}{row.distance:.3f}{against}"
        lines.append(_cut(text + (f" ({plain(row.detail)})" if row.detail else ""), width))
    if len(trends) > _MAX_LINES:
        lines.append(f"  and {len(trends) - _MAX_LINES} more; see --json")
    return lines


def _name(trend: DriftTrend) -> str:
    return plain(trend.feature)


def _measure(measure: str) -> str:
    return _SHORT.get(measure, plain(measure).replace("_", " "))


def _header(name: str, unit: str) -> str:
    """Header of a column; the first one has the unit if it fits."""
    named = f"{unit} {name}" if unit and not name.startswith("#") else name
    return named if len(named) < _CELL else name[-_CELL + 1 :]


def _cell(trend: DriftTrend, number: int, elsewhere: bool) -> str:
    row = trend.rows[number]
    mark = "+" if elsewhere else " "
    if row is not None and row.drifted:
        mark = "!" if _is_severe(trend, number) else "*"
    return f"{'-' if row is None else f'{row.distance:.3f}':>{_CELL - 1}}{mark}"


def _is_severe(trend: DriftTrend, number: int) -> bool:
    row = trend.rows[number]
    return row is not None and row.drifted and row.severity == "severe"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word[:-1] + "ies"


def _width(text: str) -> int:
    """Width in terminal columns: two for East Asian wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _cut(text: str, width: int) -> str:
    text = text[: 2 * width]  # bounds the time for long texts; the visible part is shorter
    if _width(text) <= width:
        return text
    while _width(text) >= width:
        text = text[:-1]
    return text + "…"


def _pad(text: str, width: int) -> str:
    text = _cut(text, width)
    return text + " " * (width - _width(text))
