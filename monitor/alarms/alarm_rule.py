"""The alarm rule: from the measurements of a window to alarms, at a bounded rate of false alarms.

An alarm needs evidence at or above the limit of its stream (e_detector, budget), an effect at or above the moderate
threshold in `persistence` windows in a row (one less if it is severe), and a number n of windows, at least as many,
whose mean effect is at or above the opening threshold

    min(severe, max(moderate, mean of the like windows + 2 * 1.25 * their mean absolute deviation / sqrt(n))).

n is at most the number of windows since the cumulative sum of the log bets on a shift by one standard deviation was 0
(Page 1954). Of all n that fulfil this, the one with the largest n * (mean effect - mean of the like windows)^2 is the
onset: the likelihood-ratio estimate for a shift of the mean. The factor 1.25 makes a standard deviation of the mean
absolute deviation of a normal distribution. The threshold adapts to the history between the two thresholds of the check
and never beyond them. It stands in the text of the alarm and in the state.

The windows since the onset (at most the last 5) enter the history when it is gone or the alarm is closed: a change
is not compared with itself. While a stream is in alarm its windows do not enter its history (see like_windows.learn);
the alarm closes after `close_windows` windows in a row below `close` times the opening threshold.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from monitor.alarms.budget import limits
from monitor.alarms.e_detector import BETS, advance, bets, conformal_p_value, evidence
from monitor.alarms.like_windows import ALL, Expected, expected, learn
from monitor.alarms.maintenance import KEY, maintenance_of
from monitor.alarms.settings import AlarmSettings
from monitor.alarms.stream_state import StreamState, innovations
from monitor.incident import Alarm
from monitor.measurement import Measurement
from monitor.window import Window

LABELLED = frozenset({"performance", "concept_drift", "prior_shift", "label_coverage"})
"""Kinds that are judged when the window is mature: before, the labels that came first would be taken for all."""
_OF_A_VERSION = frozenset({"training", "evaluation"})
_COLD_P_VALUE = 1e-6
_LONGEST_HELD = 5
_FLOOR = 0.1
_ONSET_BET = BETS.index(1.0)
_MIN_TOP = 2.0
_MIN_SCORED = 3
_STATE_VERSION = 1


class AlarmRule:
    """Judges one window after the other; all it remembers is in a JSON object that the caller keeps."""

    def __init__(self, settings: AlarmSettings | None = None) -> None:
        self.settings = settings or AlarmSettings()

    def update(
        self, window: Window, measurements: Sequence[Measurement], state: Mapping[str, Any] | None
    ) -> tuple[list[Alarm], dict[str, Any]]:
        """Judges a window.

        A stream is judged once for each window, in the order of time: a measurement of a window that is not newer than
        the last one judged is skipped, and one that needs labels is skipped until the window is mature.

        Args:
          window: The window.
          measurements: All its measurements.
          state: The state after the window before; None or {} at first.

        Returns:
          New alarms, largest evidence relative to its limit first, and the new state.
        """
        new = _opened(state)
        if maintenance_of(window, self.settings.maintenance, new):
            return [], new
        length = _mean_length(window, new)
        allowed = limits(measurements, timedelta(seconds=length), self.settings)
        version = max(window.versions, default=0)
        alarms = []
        for one in _newest_version_of_each_stream(measurements):
            if one.value is None or (one.kind in LABELLED and window.state != "mature"):
                continue
            stream = StreamState.from_json(new["streams"].get(one.stream, {}))
            if window.number <= stream.number:
                continue
            if one.reference in _OF_A_VERSION and version != new["version"]:
                stream.restart()
                stream.settle(window, self.settings.min_seasonal_windows)
            alarm = self._judge(window, one, stream, allowed[one.stream])
            if alarm:
                alarms.append(alarm)
            new["streams"][one.stream] = stream.to_json()
        if window.number > new["number"]:
            new["number"], new["version"] = window.number, version
        return sorted(alarms, key=lambda alarm: -alarm.evidence / alarm.limit), new

    def learn(
        self, window: Window, measurements: Sequence[Measurement], state: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Returns the state with a window of the past in its history, such as one cut from the training data.

        Nothing is judged, and the window's number is not looked at.
        """
        new = _opened(state)
        for one in _newest_version_of_each_stream(measurements):
            if one.value is None:
                continue
            stream = StreamState.from_json(new["streams"].get(one.stream, {}))
            self._remember(window, one, stream, expected(stream.groups, window, self.settings.min_seasonal_windows))
            new["streams"][one.stream] = stream.to_json()
        return new

    def _judge(self, window: Window, one: Measurement, stream: StreamState, limit: float) -> Alarm | None:
        settings = self.settings
        like = expected(stream.groups, window, settings.min_seasonal_windows)
        known = len(stream.scores) - len(stream.held) >= settings.history and like is not None
        stream.number = window.number
        if stream.alarmed:  # the threshold stays as it was when the alarm was raised
            stream.below = stream.below + 1 if one.effect < settings.close_ratio * stream.threshold else 0
            if stream.below >= settings.close_windows:
                stream.restart()
                stream.settle(window, settings.min_seasonal_windows)
            learn(stream.groups, window, one.effect, settings.min_seasonal_windows, alarmed=True)
            return None
        severe = one.effect >= one.severe
        if known and like is not None:
            scores = np.asarray([*stream.scores, like.score(one.effect, _FLOOR * one.moderate)])
            past = len(stream.scores) - len(stream.held)
            series = innovations(scores, past)
            p = conformal_p_value(series[:past], float(series[-1]), _uniform(one.stream, window), _MIN_TOP)
            log_e = bets(p)
            stream.log_sums = advance(stream.log_sums, log_e)
            found = evidence(stream.log_sums)
            stream.cumulative = max(0.0, stream.cumulative + float(log_e[_ONSET_BET]))
            stream.count(window, one.effect, stream.cumulative > 0)
            needed = settings.persistence - severe
        else:
            # Without a history only a lasting severe effect that no sampling of rows explains is an alarm.
            sure = severe and (one.p_value is None or one.p_value <= _COLD_P_VALUE)
            found, needed = (limit if sure else 0.0), settings.persistence + 1
            stream.count(window, one.effect, sure)
        stream.threshold, stream.why = _threshold(one, like if known else None, max(1, needed))
        windows = _onset(one, like if known else None, stream, max(1, needed))
        if windows and found >= limit:
            stream.begin(windows)
            stream.threshold, stream.why = _threshold(one, like if known else None, windows)
            stream.alarmed, stream.below, stream.log_sums, stream.cumulative = True, 0, [], 0.0
            detail = "; ".join(part for part in (one.detail, stream.why) if part)
            return Alarm(window.number, replace(one, detail=detail), found, limit, stream.streak)
        self._remember(window, one, stream, like)
        return None

    def _remember(self, window: Window, one: Measurement, stream: StreamState, like: Expected | None) -> None:
        scored = like is not None and stream.groups[ALL][0] >= _MIN_SCORED
        score = like.score(one.effect, _FLOOR * one.moderate) if scored and like is not None else None
        stream.add(one.effect, score, self.settings.max_history)
        stream.held.append((window.start.isoformat(), (window.end - window.start).total_seconds(), one.effect))
        stream.settle(window, self.settings.min_seasonal_windows, _LONGEST_HELD if stream.streak else 0)


def in_alarm(state: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Returns the state of each stream that is in alarm."""
    return {name: one for name, one in (state or {}).get("streams", {}).items() if one["alarmed"]}


def _opened(state: Mapping[str, Any] | None) -> dict[str, Any]:
    before = dict(state or {})
    return {
        "format": _STATE_VERSION,
        "number": before.get("number", 0),
        "version": before.get("version", 0),
        "seconds": before.get("seconds", 0.0),
        KEY: list(before.get(KEY, [])),
        "streams": dict(before.get("streams", {})),
    }


def _onset(one: Measurement, like: Expected | None, stream: StreamState, least: int) -> int:
    """Number of windows since the onset whose mean effect reaches the threshold; 0 if there is none."""
    effects = np.array([effect for _, effect in stream.run[::-1]])
    if len(effects) < least or effects[:least].min() < one.moderate:
        return 0
    numbers = np.arange(1, len(effects) + 1)
    means = effects.cumsum() / numbers
    reached = [mean >= _threshold(one, like, int(n))[0] for n, mean in zip(numbers, means, strict=True)]
    usable = (numbers >= least) & np.array(reached)
    likelihood = numbers * (means - (like.mean if like else 0.0)) ** 2
    return int(numbers[usable][likelihood[usable].argmax()]) if usable.any() else 0


def _threshold(one: Measurement, like: Expected | None, windows: int) -> tuple[float, str]:
    """The opening threshold of the mean effect over so many windows, and how it came about."""
    if like is None:
        return one.moderate, f"threshold {one.moderate:.3g} (no history yet)"
    usual = like.mean + 2 * 1.25 * like.deviation / max(1, windows) ** 0.5
    if usual <= one.moderate:
        return one.moderate, f"threshold {one.moderate:.3g} (usual up to {usual:.3g} in {like.windows} of {like.like})"
    found = min(one.severe, usual)
    return found, (
        f"threshold {found:.3g} instead of {one.moderate:.3g}, since up to {usual:.3g} is usual in {like.windows} of "
        f"{like.like}"
    )


def _mean_length(window: Window, state: dict[str, Any]) -> float:
    """Seconds of a window, as a mean with a weight of a tenth for the newest; kept in the state."""
    own = (window.end - window.start).total_seconds()
    before = state["seconds"] or own
    state["seconds"] = before + (own - before) / 10 if window.number > state["number"] else before
    return float(state["seconds"])


def _newest_version_of_each_stream(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Where two versions answer, a stream is that of the newest, or of all rows where measured."""
    found: dict[str, Measurement] = {}
    for one in measurements:
        seen = found.get(one.stream)
        if seen is None or (seen.version is not None and (one.version is None or one.version > seen.version)):
            found[one.stream] = one
    return list(found.values())


def _uniform(stream: str, window: Window) -> float:
    """A number in (0, 1) from a hash of stream and window: the same whenever the window is judged again."""
    digest = hashlib.blake2b(f"{stream}\n{window.number}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**64
