"""Total cost of retraining policies on streams with drift and delayed labels, beside an oracle.

    python -m benchmarks.retraining [--stream NAME]... [--ratio R]... [--horizon 12] [--seed 0]

The model (LightGBM) is trained on the TRAINED_ON newest windows whose labels are there. At the beginning of each window
a policy decides whether to train again; the new model serves at once. A window costs the mean loss of the serving model
minus that of the best of all models that could serve (its staleness), a retraining costs R times the mean loss of one
window.

- "cost": the policy of `monitor.retraining`, with what it knows at that time: labels that have come, of windows that
  its own models served, and the former and the new model on held-out rows at each retraining.
- "never", "every N", "on drift" (a feature of the newest labelled window differs from the training windows by a
  Kolmogorov-Smirnov or Chebyshev distance of 0.1), "on performance" (its loss is 10 % above that in the first window).
- "best fixed": the N in 1 to 26, or never, that is cheapest in hindsight. "oracle": the cheapest set of retrainings in
  hindsight, by dynamic programming over all pairs of training time and window.

Prints a table, and as the last line one JSON object: `seconds`, `within` (largest total of "cost" over that of the
oracle), `beats_fixed` (cases in which it is at most that of "best fixed"), `cases`, and `results` [{`stream`, `ratio`,
`policy`, `total`, `staleness`, `retrainings`, `of_oracle`}]; costs are in units of the mean loss of one window.
"""

import argparse
import itertools
import json
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa

from benchmarks.retraining_streams import STREAMS, Stream
from monitor.retraining.refresh import LabelledRows, losses, staleness
from monitor.retraining.staleness import Costs, StalenessPoint, expected_saving
from monitor.retraining.staleness_log import MIN_WINDOWS

TRAINED_ON = 8
HISTORY, HISTORY_EVERY = 12, 4
"""Windows before the comparison begins, in which the model was trained at every fourth one: what the policy can learn
from. All policies begin with a model that is trained after them."""
EVALUATED = 5
"""Every fifth row of a window is held out, on which a run compares the new model with the former one."""
RATIOS = (0.02, 0.1, 0.5)
LONGEST = 26
DRIFT, WORSE = 0.1, 1.1
_MODEL = {"num_leaves": 31, "learning_rate": 0.08, "min_data_in_leaf": 30, "num_threads": 1, "verbosity": -1, "seed": 1}


class Replay:
    """All models of a stream, and their losses in all later windows.

    `first` is the first window that is served, `begin` the first one that counts; model t is trained at the beginning
    of window t.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.first = TRAINED_ON + stream.delay
        self.begin = self.first + HISTORY
        self.starts = np.searchsorted(stream.window, np.arange(stream.windows + 1))
        codes = stream.features.apply(lambda column: column if column.dtype.kind in "fi" else column.astype("category"))
        self.categories = [name for name in codes if codes[name].dtype == "category"]
        self.codes = codes.assign(**{name: codes[name].cat.codes for name in self.categories})
        self.table = pa.Table.from_pandas(stream.features, preserve_index=False)
        self._refreshed: dict[tuple[int, int], tuple[float, float] | None] = {}

    def rows(self, begin: int, end: int) -> slice:
        """Rows of the windows in [begin, end)."""
        return slice(int(self.starts[begin]), int(self.starts[end]))

    @cached_property
    def scores(self) -> dict[int, np.ndarray]:
        """Model -> its predictions from its window on."""
        found = {}
        objective = "regression" if self.stream.loss == "squared_error" else "binary"
        for at in range(self.first, self.stream.windows):
            used = self.rows(at - self.stream.delay - TRAINED_ON, at - self.stream.delay)
            data = lightgbm.Dataset(
                self.codes.iloc[used], self.stream.targets[used], categorical_feature=self.categories
            )
            model = lightgbm.train({**_MODEL, "objective": objective}, data, 80)
            found[at] = np.asarray(model.predict(self.codes.iloc[self.rows(at, self.stream.windows)]))
        return found

    @cached_property
    def loss(self) -> np.ndarray:
        """Mean loss of model t (row) in window j (column), NaN for j < t."""
        found = np.full((self.stream.windows, self.stream.windows), np.nan)
        for at, scores in self.scores.items():
            each = losses(scores, self.stream.targets[self.rows(at, self.stream.windows)], self.stream.loss)
            offsets = self.starts[at:] - self.starts[at]
            found[at, at:] = [each[a:b].mean() for a, b in itertools.pairwise(offsets)]
        return found

    @cached_property
    def unit(self) -> float:
        """Mean loss of the newest model in one window."""
        return float(np.nanmean(np.diag(self.loss)))

    @cached_property
    def excess(self) -> np.ndarray:
        """Staleness of model t in window j: its loss minus that of the best model, in units of `unit`."""
        known = np.where(np.isnan(self.loss), np.inf, self.loss)
        return (self.loss - known.min(axis=0)) / self.unit

    def labelled(self, model: int, begin: int, end: int) -> LabelledRows:
        """Rows of the windows in [begin, end) as a model served them."""
        rows = self.rows(begin, end)
        offset = int(self.starts[model])
        scores = self.scores[model][rows.start - offset : rows.stop - offset]
        return LabelledRows(self.table.slice(rows.start, rows.stop - rows.start), scores, self.stream.targets[rows])

    def measured(self, model: int, window: int) -> tuple[float, float] | None:
        """Staleness of a model in a window as the monitor measures it, and its standard error, in units of `unit`."""
        key = (model, window)
        if key not in self._refreshed:
            before, here = self.labelled(model, model, window), self.labelled(model, window, window + 1)
            found = staleness(before, here, self.stream.loss) if len(before) else None
            self._refreshed[key] = None if found is None else (found[0] / self.unit, found[1] / self.unit)
        return self._refreshed[key]

    def compared(self, former: int, new: int) -> tuple[float, float]:
        """Loss of a model minus that of the one that follows it, on held-out rows, and its standard error."""
        rows = [losses(one.scores, one.targets, self.stream.loss)[::EVALUATED] for one in self._both(former, new)]
        difference = rows[0] - rows[1]
        return float(difference.mean()) / self.unit, float(difference.std() / np.sqrt(len(difference))) / self.unit

    def _both(self, former: int, new: int) -> tuple[LabelledRows, LabelledRows]:
        return self.labelled(former, new, new + 1), self.labelled(new, new, new + 1)


@dataclass(frozen=True)
class Outcome:
    """What a policy did: the windows at which it trained again."""

    policy: str
    times: tuple[int, ...]


def main() -> int:
    """Replays and prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stream", action="append", choices=list(STREAMS), help="only this one; repeatable")
    parser.add_argument("--ratio", action="append", type=float, help="cost of a retraining; repeatable")
    parser.add_argument("--horizon", type=float, default=12, help="windows (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the posterior draws (%(default)s)")
    options = parser.parse_args()
    began = time.monotonic()
    results: list[dict[str, Any]] = []
    for name in options.stream or STREAMS:
        replay = Replay(STREAMS[name]())
        for ratio in options.ratio or RATIOS:
            results += compared(name, replay, ratio, options)
    ours = [one for one in results if one["policy"] == "cost"]
    fixed = {(one["stream"], one["ratio"]): one["total"] for one in results if one["policy"].startswith("best fixed")}
    found = {
        "seconds": round(time.monotonic() - began, 1),
        "cases": len(ours),
        "within": max(one["of_oracle"] or 0.0 for one in ours),
        "within_15_percent": sum((one["of_oracle"] or 9) <= 1.15 for one in ours),
        "beats_fixed": sum(one["total"] <= fixed[one["stream"], one["ratio"]] + 1e-9 for one in ours),
        "results": results,
    }
    print(json.dumps(found))
    return 0


def compared(name: str, replay: Replay, ratio: float, options: argparse.Namespace) -> list[dict[str, Any]]:
    """All policies on one stream at one cost; prints a line for each."""
    schedules = [Outcome("never", ())]
    last = replay.stream.windows
    for every in range(1, LONGEST + 1):
        schedules.append(Outcome(f"every {every}", tuple(range(replay.begin + every, last, every))))
    totals = [total(replay, one.times, ratio) for one in schedules]
    best = schedules[int(np.argmin(totals))]
    outcomes = [
        Outcome("cost", by_cost(replay, ratio, options)),
        Outcome(f"best fixed ({best.policy})", best.times),
        Outcome("oracle", oracle(replay, ratio)),
        schedules[0],
        *(one for one in schedules if one.policy in ("every 1", "every 4", "every 13")),
        Outcome("on drift", on_drift(replay)),
        Outcome("on performance", on_performance(replay)),
    ]
    least = total(replay, outcomes[2].times, ratio)
    found = []
    for one in outcomes:
        cost = total(replay, one.times, ratio)
        found.append(
            {
                "stream": name,
                "ratio": ratio,
                "policy": one.policy,
                "total": round(cost, 4),
                "staleness": round(cost - ratio * len(one.times), 4),
                "retrainings": len(one.times),
                "of_oracle": round(cost / least, 3) if least > 0 else None,
            }
        )
        print(
            f"{name:<10}{ratio:<6}{one.policy:<24}{cost:8.3f}{len(one.times):5}  {found[-1]['of_oracle']}", flush=True
        )
    return found


def total(replay: Replay, times: tuple[int, ...], ratio: float) -> float:
    """Staleness and trainings, in units of the mean loss of one window."""
    edges = (replay.begin, *times, replay.stream.windows)
    stale = sum(replay.excess[at, at:end].sum() for at, end in itertools.pairwise(edges))
    return float(stale + ratio * len(times))


def oracle(replay: Replay, ratio: float) -> tuple[int, ...]:
    """The cheapest retrainings in hindsight."""
    last = replay.stream.windows
    best: dict[int, tuple[float, tuple[int, ...]]] = {last: (0.0, ())}
    for at in range(last - 1, replay.begin - 1, -1):
        kept = np.cumsum(replay.excess[at, at:])
        options = []
        for end in range(at + 1, last + 1):
            later, times = best[end]
            again = (end,) if end < last else ()
            options.append((float(kept[end - at - 1]) + later + ratio * len(again), again + times))
        best[at] = min(options)
    return best[replay.begin][1]


def by_cost(replay: Replay, ratio: float, options: argparse.Namespace) -> tuple[int, ...]:
    """The policy "cost" of the monitor."""
    times = list(range(replay.first, replay.begin + 1, HISTORY_EVERY))
    known = len(times)
    costs = Costs(ratio, 1.0, 1.0, options.horizon, 1.0)
    for now in range(replay.begin + 1, replay.stream.windows):
        points, age = _points(replay, times, now), float(now - times[-1])
        saving = expected_saving(points, times[-1], age, costs, options.seed)
        if saving is not None and saving.probability >= 0.5:
            times.append(now)
    return tuple(times[known:])


def _points(replay: Replay, times: list[int], now: int) -> list[StalenessPoint]:
    """What is measured at the beginning of a window: in each labelled one, and of both models at each retraining."""
    delay, found = replay.stream.delay, []
    for model, end in itertools.pairwise([*times, now]):
        for window in range(model + MIN_WINDOWS, min(end, now - delay)):
            if (measured := replay.measured(model, window)) is not None:
                found.append(StalenessPoint(model, window - model + 0.5, *measured, 1))
        if end < now - delay:
            found.append(StalenessPoint(model, float(end - model), *replay.compared(model, end), 1, "evaluation"))
    return found


def on_performance(replay: Replay) -> tuple[int, ...]:
    """Retrains when the loss of the newest labelled window is 10 % above that of the first one that a model served."""
    times, model, delay = [], replay.begin, replay.stream.delay
    for now in range(replay.begin + 1, replay.stream.windows):
        newest = now - delay - 1
        if newest > model and replay.loss[model, newest] > WORSE * replay.loss[model, model]:
            times.append(now)
            model = now
    return tuple(times)


def on_drift(replay: Replay) -> tuple[int, ...]:
    """Retrains when a feature of the newest complete window differs from the training windows."""
    times, model = [], replay.begin
    for now in range(replay.begin + 1, replay.stream.windows):
        begin = model - replay.stream.delay - TRAINED_ON
        if _distance(replay, replay.rows(begin, begin + TRAINED_ON), replay.rows(now - 1, now)) > DRIFT:
            times.append(now)
            model = now
    return tuple(times)


def _distance(replay: Replay, before: slice, now: slice) -> float:
    from scipy.stats import ks_2samp

    largest = 0.0
    for name in replay.codes:
        first, second = replay.codes[name].iloc[before], replay.codes[name].iloc[now]
        if name in replay.categories:
            shares = first.value_counts(normalize=True).sub(second.value_counts(normalize=True), fill_value=0)
            largest = max(largest, float(shares.abs().max()))
        else:
            largest = max(largest, float(ks_2samp(first.dropna(), second.dropna()).statistic))
    return largest


if __name__ == "__main__":
    sys.exit(main())
