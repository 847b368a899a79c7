"""Formatting of numbers and times for the dashboard."""

from datetime import datetime, timedelta

from components.shared.statistics.metric_names import METRIC_NAMES

DASH = "\N{EN DASH}"
THIN = "\N{NARROW NO-BREAK SPACE}"

_WORDS = {
    "skew": "drift from the training data",
    "drift": "drift from earlier windows",
    "transform_skew": "training-serving skew",
    "unknown": "unknown values",
    "missing": "missing values",
    "concept_drift": "concept drift",
    "label_coverage": "label coverage",
}


def kind_name(kind: str) -> str:
    """A kind of measurement in words: "skew" -> "drift from the training data"."""
    return _WORDS.get(kind) or kind.replace("_", " ")


def measure_name(name: str) -> str:
    """A measure in words: "kolmogorov_smirnov" -> "Kolmogorov-Smirnov"."""
    known = {"kolmogorov_smirnov": "Kolmogorov-Smirnov", "jensen_shannon": "Jensen-Shannon", "chebyshev": "Chebyshev"}
    return known.get(name) or name.replace("_", " ")


def metric_name(name: str) -> str:
    """A metric in words: "auc" -> "AUC"."""
    return METRIC_NAMES.get(name) or name.replace("_", " ").capitalize()


def figure(value: float | None, unit: str = "") -> str:
    """A value with three or four significant digits and its unit: 0.71236 -> "0.7124", 0.0123 s -> "12.3 ms".

    Args:
      value: The value; None is a dash.
      unit: "", "s", or "%" for a value that is a share in [0, 1].
    """
    if value is None or value != value:
        return DASH
    if unit == "s":
        return seconds(value)
    if unit == "%":
        return percent(value)
    size = abs(value)
    if size >= 1000:
        text = f"{value:,.0f}" if size < 1e7 else f"{value:.3g}"
    elif size >= 10 or value == int(value):
        text = f"{value:.1f}".removesuffix(".0")
    elif size >= 0.001:
        text = f"{value:.4f}"
    else:
        text = f"{value:.2g}"
    return text.replace("-", "\N{MINUS SIGN}")


def percent(share: float | None) -> str:
    """A share in percent: 0.1234 -> "12.3 %"."""
    if share is None or share != share:
        return DASH
    digits = 0 if abs(share) in (0, 1) else 2 if abs(share) < 0.01 else 1
    return f"{100 * share:.{digits}f}{THIN}%".replace("-", "\N{MINUS SIGN}")


def seconds(value: float) -> str:
    """A duration: 0.0123 -> "12.3 ms", 4.2 -> "4.20 s"."""
    for factor, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= factor or unit == "µs":
            return f"{value / factor:.3g}{THIN}{unit}"
    raise AssertionError


def moment(time: datetime | str) -> str:
    """A time, or a text in ISO 8601, as "2026-11-03 14:05"; another text as it is."""
    if isinstance(time, str):
        try:
            return moment(datetime.fromisoformat(time))
        except ValueError:
            return time
    return f"{time:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def ago(span: timedelta) -> str:
    """A time span in its largest unit: 130 s -> "2 minutes"."""
    total = max(0, int(span.total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if total >= size:
            return counted(total // size, unit)
    return counted(total, "second")


def counted(number: int, noun: str) -> str:
    """A number with its noun: 2, "hour" -> "2 hours"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: list[str]) -> str:
    """Joins names: ["a", "b", "c"] -> "a, b and c"."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def sentence(text: str) -> str:
    """A text with a capital letter and a full stop; "" stays empty."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""
