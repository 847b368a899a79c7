"""The state of one stream: its history, its e-detector, and whether it is in alarm."""

import math
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.like_windows import Groups, learn
from monitor.window import Window

Floats = NDArray[np.float64]
_DIGITS = 6
_LONGEST_RUN = 60


@dataclass
class StreamState:
    """State of one stream, as the store keeps it in JSON.

    Attributes:
      number: Number of the last window that was judged.
      scores: Scores of the windows of the history, oldest first; see like_windows.Expected.score.
      effects: Their effects.
      groups: Means of the like windows.
      held: Start, length in seconds and effect of the windows since the onset: the last of `scores` and `effects`,
        not yet part of the history.
      log_sums: The e-detector, see e_detector.advance.
      cumulative: Cumulative sum of the log bets since the onset.
      run: Start and effect of the windows since that sum was 0, at most the last 60.
      streak: Number of windows since the onset; 0 while there is none.
      since: Start of the first of them, ISO 8601; "" while there is none.
      alarmed: Whether it is in alarm.
      below: Number of windows in a row below the closing threshold while it is in alarm.
      threshold: Opening threshold of the effect at the last window.
      why: How the threshold follows from settings and history, for a person.
    """

    number: int = 0
    scores: list[float] = field(default_factory=list)
    effects: list[float] = field(default_factory=list)
    groups: Groups = field(default_factory=dict)
    held: list[tuple[str, float, float]] = field(default_factory=list)
    log_sums: list[float] = field(default_factory=list)
    cumulative: float = 0.0
    run: list[tuple[str, float]] = field(default_factory=list)
    streak: int = 0
    since: str = ""
    alarmed: bool = False
    below: int = 0
    threshold: float = 0.0
    why: str = ""

    def count(self, window: Window, effect: float, shown: bool) -> None:
        """Adds a window to those since the cumulative sum was 0; if nothing is shown there are none."""
        self.run = [*self.run, (window.start.isoformat(), effect)][-_LONGEST_RUN:] if shown else []
        self.begin(len(self.run))

    def begin(self, windows: int) -> None:
        """Sets the onset: so many windows ago."""
        self.streak, self.since = windows, self.run[-windows][0] if windows else ""

    def settle(self, window: Window, least: int, keep: int = 0) -> None:
        """Puts the windows since the onset, but the last `keep`, into the history.

        Args:
          window: Any window; only its other fields are used.
          least: See like_windows.learn.
          keep: Number of windows that stay held.
        """
        while len(self.held) > keep:
            start, seconds, effect = self.held.pop(0)
            begin = datetime.fromisoformat(start)
            learn(self.groups, replace(window, start=begin, end=begin + timedelta(seconds=seconds)), effect, least)

    def restart(self) -> None:
        """Ends an alarm; the evidence begins anew, the history stays."""
        self.alarmed, self.below, self.log_sums, self.cumulative = False, 0, [], 0.0
        self.run, self.streak, self.since = [], 0, ""

    def add(self, effect: float, score: float | None, longest: int) -> None:
        """Adds a window's effect and score, rounded to six significant digits; None before there is a score."""
        self.effects.append(_rounded(effect))
        del self.effects[:-longest]
        if score is not None:
            self.scores.append(_rounded(score))
            del self.scores[:-longest]

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object; it shares its lists with the state."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        found["log_sums"] = [_rounded(value) for value in self.log_sums]
        return found

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "StreamState":
        """Reads the output of `to_json`; fields that this version does not know are left out."""
        known = {one.name for one in fields(cls)}
        state = cls(**{name: value for name, value in found.items() if name in known})
        state.scores, state.effects, state.log_sums = list(state.scores), list(state.effects), list(state.log_sums)
        state.groups = dict(state.groups)  # `learn` replaces the values and changes none
        state.run = [(start, effect) for start, effect in state.run]
        state.held = [(start, seconds, effect) for start, seconds, effect in state.held]
        return state


def innovations(scores: Floats, known: int) -> Floats:
    """Returns the part of each score that the score before does not explain: (z - phi z_before) / sqrt(1 - phi^2).

    Effects of neighbouring windows are correlated (weather, campaigns), and ranks of correlated scores are not
    independent; residuals of a first-order autoregression nearly are (Alwan and Roberts 1988, "Time-series modeling for
    statistical process control"). phi is the lag-one correlation of the first `known` scores, at least 0 and at most
    0.95; it is 0 below 20 scores. Its bias, about -(1 + 4 phi) / n, is corrected (Marriott and Pope 1954).
    """
    past = scores[:known]
    if len(past) < 20:
        return scores
    centred = past - np.median(past)
    centred = np.clip(centred, *np.quantile(centred, (0.02, 0.98)))
    total = float(centred @ centred)
    raw = float(centred[1:] @ centred[:-1]) / total if total > 0 else 0.0
    phi = min(0.95, max(0.0, raw + (1 + 4 * max(0.0, raw)) / len(past)))
    before = np.concatenate([[0.0], scores[:-1]])
    found: Floats = (scores - phi * before) / math.sqrt(1 - phi**2)
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
