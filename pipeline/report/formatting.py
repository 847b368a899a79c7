"""Formatting of numbers and of the names of metrics and distances for the report."""

from collections.abc import Sequence
from typing import Any

from components.model_card.card import places as _places
from components.shared.statistics import metric_names

REPORT_METRIC_NAMES = metric_names.METRIC_NAMES | {
    "calibration": "Mean score ÷ positive rate",
    "threshold": "Decision threshold",
}
"""Known metrics, in the order in which they are shown."""

HUGE = 1e7
"""Figures from this size on are written in scientific notation, such as 3.1e+07."""

MEASURES = {
    "missing": "missing values",
    "chebyshev": "Chebyshev",
    "jensen_shannon": "Jensen-Shannon",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov",
}
"""Names of distances with proper nouns, and those that need another word; others are their names with blanks."""


def metric_name(name: str) -> str:
    """The metric "log_loss" is shown as "Log loss"."""
    return REPORT_METRIC_NAMES.get(name, name.replace("_", " ").capitalize())


def measure_name(name: str) -> str:
    """The measure "jensen_shannon" is shown as "Jensen-Shannon", "range_lost" as "range lost"."""
    return MEASURES.get(name) or name.replace("_", " ")


def shown_metrics(metrics: dict[str, Any]) -> list[str]:
    """Names of a model's metrics in display order, without row counts and TFMA's differences."""
    known = [name for name in REPORT_METRIC_NAMES if name in metrics]
    others = sorted(
        name
        for name in metrics
        if name not in REPORT_METRIC_NAMES and name != "rows" and not name.endswith(("_diff", "_count"))
    )
    return known + others


def better(metric: str, difference: float) -> bool | None:
    """Returns whether a difference is an improvement; None for 0 and for metrics without a better direction."""
    if metric in ("threshold", "calibration") or difference == 0:
        return None
    return (difference < 0) == (metric in metric_names.LOWER_IS_BETTER)


def number(value: Any, places: int = 4) -> str:
    """Formats a number with `places` decimals and thousands separators; text stays as it is, None becomes a dash."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash in a table
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value != value:
        return "unknown"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{places}g}" if abs(value) < 0.001 else f"{value:.{places}f}"


def fixed(value: float | None, places: int = 4) -> str:
    """Formats a number of a table column with `places` decimals, fewer from 10 on; None becomes a dash."""
    if value is None:
        return "–"  # noqa: RUF001
    if value != value:
        return "unknown"
    return f"{value:,.{_places(value, places)}f}" if abs(value) < HUGE else f"{value:.3g}"


def signed(value: float, places: int = 4, beside: float | None = None) -> str:
    """Formats a difference with its sign; 0 has none.

    Args:
      value: The difference.
      places: Decimals of numbers below 10.
      beside: The number whose decimals the difference gets; None is the difference itself.
    """
    if abs(value) >= HUGE:
        return f"{value:+.3g}".replace("-", "−")  # noqa: RUF001
    text = f"{value:+,.{_places(value if beside is None else beside, places)}f}"
    return text.replace("-", "−") if text.strip("+-0.,") else text[1:]  # noqa: RUF001


def minus(figure: str) -> str:
    """Replaces the hyphen of a negative number ("-0.1") by a minus sign; other text stays as it is."""
    return f"−{figure[1:]}" if figure[:1] == "-" and figure[1:2].isdigit() else figure  # noqa: RUF001


def ends(interval: Sequence[float] | None, sign: bool = False) -> str:
    """Formats an interval as "0.681 to 0.694", with signs if `sign`; None becomes the empty string."""
    if not interval:
        return ""
    places = _places(max(map(abs, interval)), 3)
    low, high = (signed(end, places, 0.0) if sign else f"{end:,.{places}f}" for end in interval)
    return f"{low} to {high}"


def percent(share: float | None) -> str:
    """Formats a share in [0, 1]: 0.1234 -> "12.3 %"; None becomes a dash."""
    return "–" if share is None else f"{share:.1%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")  # noqa: RUF001


def seconds(value: float) -> str:
    """Formats a duration in seconds: 0.04 -> "0.04 s", 75 -> "1 min 15 s"."""
    if value >= 60:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"


def spans(found: Sequence[int]) -> str:
    """Formats span numbers: [1, 2, 3] -> "spans 1 to 3"."""
    if not found:
        return "no span"
    return f"span {found[0]}" if len(found) == 1 else f"spans {found[0]} to {found[-1]}"


def listed(names: Sequence[str]) -> str:
    """Joins names: ["a", "b", "c"] -> "a, b and c"."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def moment(run_id: str) -> str:
    """Returns the time in a run id, "20261121T090631Z-a531" -> "2026-11-21 09:06 UTC"; the id itself without one."""
    stamp = run_id.split("-")[0]
    if len(stamp) == 16 and stamp[8] == "T" and stamp.endswith("Z"):
        return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[9:11]}:{stamp[11:13]} UTC"
    return run_id
