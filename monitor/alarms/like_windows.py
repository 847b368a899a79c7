"""What to expect of a window: the effects of its like (same hour of the week, same month of last year) in the past.

The groups of a window, finest first:

    windows shorter than a day:     month of last year and hour of day, hour of week, hour of day, all
    windows shorter than a week:    month of last year and day of week, day of week, all
    longer windows:                 month of last year, all

A group counts once it holds enough windows. All windows are the expectation until one of the finer kinds has predicted
at least seven windows with a smaller mean absolute error than all windows did: a season that is not there would only
add noise. For each group the mean and the mean absolute deviation are kept, not the effects, so the size is bounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from monitor.window import Window

Groups = dict[str, list[float]]
"""Key of a group -> [number of windows, mean effect, mean absolute deviation]; `error of <kind>` -> [number of windows
that it predicted, mean absolute error, that of all windows]."""

ALL = "all"
_NAMES = {
    "last": "same month of last year",
    "week": "same hour of the week",
    "hour": "same hour of the day",
    "day": "same day of the week",
    ALL: "all windows",
}
_TINY = 1e-9
_TRIED = 7
_ERRORS = "error of "
_MONTH = timedelta(days=28)
_PRIOR = 4.0
"""Number of windows that the deviation of all counts for in that of a group."""


@dataclass(frozen=True)
class Expected:
    """What the like windows say.

    Attributes:
      mean: Mean effect.
      deviation: Mean absolute deviation of an effect from it.
      windows: Number of like windows.
      like: Which windows are like, for a person.
    """

    mean: float
    deviation: float
    windows: int
    like: str

    def score(self, effect: float, floor: float) -> float:
        """Deviation of an effect from the mean, in units that all windows share; `floor` is the smallest unit."""
        return (effect - self.mean) / (max(self.deviation, floor, _TINY) * (1 + 1 / max(1, self.windows)) ** 0.5)


def keys(window: Window) -> list[tuple[str, str]]:
    """Kind and key of each group that the window belongs to, finest first."""
    length, start = window.end - window.start, window.start
    month, day, hour = f"{start.year - 1}-{start.month}", start.weekday(), start.hour
    if length < timedelta(days=1):
        return [("last", f"{month}h{hour}"), ("week", f"w{day * 24 + hour}"), ("hour", f"h{hour}"), (ALL, ALL)]
    if length < timedelta(days=7):
        return [("last", f"{month}d{day}"), ("day", f"d{day}"), (ALL, ALL)]
    return [("last", month), (ALL, ALL)]


def expected(groups: Mapping[str, list[float]], window: Window, least: int) -> Expected | None:
    """Returns what the like windows say; None without a past."""
    if ALL not in groups:
        return None
    best = _of(groups, ALL, ALL)
    smallest = 1.0
    for kind, key in keys(window)[:-1]:
        tried, own, of_all = groups.get(_ERRORS + kind, [0.0, 0.0, 0.0])
        if tried < _TRIED or own >= smallest * of_all or not _counts(groups, kind, key, window, least):
            continue
        best, smallest = _of(groups, kind, key), own / of_all
    return best


def _counts(groups: Mapping[str, list[float]], kind: str, key: str, window: Window, least: int) -> bool:
    needed = 1 if kind == "last" and window.end - window.start >= _MONTH else least
    return groups.get(key, [0.0])[0] >= needed


def _of(groups: Mapping[str, list[float]], kind: str, key: str) -> Expected:
    count, mean, own = groups[key]
    if kind != ALL:
        own = (count * own + _PRIOR * min(groups[ALL][2], 4 * own)) / (count + _PRIOR)
    return Expected(mean, own, int(count), _NAMES[kind])


def learn(groups: Groups, window: Window, effect: float, least: int, *, alarmed: bool = False) -> None:
    """Adds the effect of a window to its groups.

    A window in alarm enters only those of the same hour or day of the week and of the same month: what recurs at these
    becomes usual, and what does not leaves the other groups as they were.
    """
    for kind, key in keys(window)[:-1]:
        if ALL in groups and _counts(groups, kind, key, window, least):
            tried, own, of_all = groups.get(_ERRORS + kind, [0.0, 0.0, 0.0])
            tried += 1
            own += (abs(effect - groups[key][1]) - own) / tried
            of_all += (abs(effect - groups[ALL][1]) - of_all) / tried
            groups[_ERRORS + kind] = [tried, own, of_all]
    added = False
    for kind, key in keys(window):
        if alarmed and kind in ("hour", ALL):
            continue
        if kind == "last":  # next year it is last year's
            key = key.replace(str(window.start.year - 1), str(window.start.year), 1)
        added = added or key not in groups
        count, mean, deviation = groups.get(key, [0.0, 0.0, 0.0])
        count += 1
        distance = abs(effect - mean)
        # The first distance is to nothing; from the second window on, the distance from the mean before is too large
        # by the mean's own error.
        if count > 1:
            distance /= (1 + 1 / (count - 1)) ** 0.5
            deviation += (distance - deviation) / (count - 1)
        groups[key] = [count, mean + (effect - mean) / count, deviation]
    if added:
        oldest = window.start.year - 1
        for key in [key for key in groups if key[:4].isdigit() and int(key[:4]) < oldest]:
            del groups[key]
