"""What the evaluator says of a candidate, as sentences for a reader: shortfalls, and what should be known besides."""

import re
from collections.abc import Callable

from pipeline.report.words import METRICS, metric_name

_SHORT = r"(\w+)(?: on (.+))? (\S+) ([<>]) (\S+) \((threshold|champion)\)"
"""What `components.evaluator.verdict.Shortfall` writes."""
_FIGURES = r"(\w+) (\S+) (?:[<>]=|=) (\S+)"


def said(text: str) -> str:
    """A reason or a warning of verdict.json as a sentence without its full stop; what is not known stays as it is.

    "auc on origin=LGA 0.5 < 0.6 (threshold)" -> "AUC on origin=LGA is 0.5, below the 0.6 of the threshold".
    """
    for pattern, how in _PATTERNS:
        if found := re.fullmatch(pattern, text):
            return how(found)
    known = re.match(r"(\w+): ", text)
    if known and known[1] in METRICS:
        text = f"{metric_name(known[1])}{text[len(known[1]) :]}"
    return text[:1].upper() + text[1:]


def about_the_line(text: str) -> bool:
    """Whether a reason or a warning is about the linear baseline."""
    return text.endswith(("does not beat the linear baseline", "does not beat the linear baseline, within chance"))


def line_name(task: str) -> str:
    """What the linear baseline of a task is."""
    return "linear regression" if task == "regression" else "logistic regression"


def _short(found: re.Match[str]) -> str:
    metric, slice_, value, sign, bar, against = found.groups()[:6]
    where = f" on {slice_}" if slice_ else ""
    asks = "that the champion asks for" if against == "champion" else "of the threshold"
    return f"{metric_name(metric)}{where} is {value}, {'below' if sign == '<' else 'above'} the {bar} {asks}"


def _chance(found: re.Match[str]) -> str:
    p = "p cannot be told" if found[7] == "cannot be told" else f"p = {found[7]}"
    return f"{_short(found)}; chance explains it ({p}), so it does not count"


def _line(found: re.Match[str]) -> str:
    metric, value, bar, chance = found.groups()
    line = line_name("regression" if metric in ("rmse", "mae") else "classification").capitalize()
    if value == bar:
        return f"{line} does as well: it reaches the same {in_a_sentence(metric)}, {bar}"
    figures = f"it reaches {in_a_sentence(metric)} {bar}, the candidate {value}"
    if chance:
        return f"{line} does as well: {figures}; the difference could be chance"
    return f"{line} does better: {figures}; chance does not explain the difference"


def _prior(found: re.Match[str]) -> str:
    each = [f"{in_a_sentence(metric)} {value} against {bar}" for metric, value, bar in re.findall(_FIGURES, found[1])]
    return f"It has learned nothing: {' and '.join(each)} of the prior, which says the same of every row"


def _fairness(found: re.Match[str]) -> str:
    metric, column, high, low, value, limit, chance = found.groups()
    return f"{metric_name(metric)} of {high} is {value} above that of {low} ({column}); at most {limit} was asked" + (
        "; chance could explain it" if chance else ""
    )


def in_a_sentence(metric: str) -> str:
    """A metric's name within a sentence: "average precision", but AUC and RMSE."""
    name = metric_name(metric)
    return name if name[:2].isupper() or name == "F1" else name.lower()


_PATTERNS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (_SHORT, _short),
    (_SHORT + r": within chance \(p = (.+)\), so it does not count", _chance),
    (_FIGURES + r": does not beat the linear baseline(, within chance)?", _line),
    (f"({_FIGURES}(?: and {_FIGURES})*): no better than the prior baseline", _prior),
    (r"(\w+) gap of (.+), (.*) over (.*), (\S+) > (\S+) \(fairness\)(, within chance)?", _fairness),
)
