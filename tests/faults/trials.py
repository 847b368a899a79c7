"""Counts faults tried and survived, and continues after a failed trial."""

import os
import random
import secrets
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SEED = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
"""Of the long part: which moments, files and sizes are tried."""
os.environ["SEED"] = str(SEED)  # the same in the workers of pytest-xdist
SCALE = float(os.environ.get("FAULTS") or 1)
"""Multiplies how many faults of each kind the long part tries."""

KINDS = (
    "kill -9 in a run",
    "kill -9 in other commands",
    "kill -9 in a push",
    "kill -9 in a push to a bucket",
    "failing store",
    "a file lost, shortened, changed",
    "disk full, failing disk",
    "several at once",
    "clock and times",
    "places that cannot be written",
    "signals",
    "limits",
)
"""As they stand in docs/reliability.md."""

tried: Counter[str] = Counter()
survived: Counter[str] = Counter()


@dataclass
class Trial:
    """One fault; `happened` is False where the command ended before the fault's turn came, which counts as nothing."""

    happened: bool = True


@dataclass
class Trials:
    """Those of one test."""

    kind: str
    random: random.Random
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def one(self, name: str) -> Iterator[Trial]:
        """Within it, a fault is caused and what must hold is asserted."""
        assert self.kind in KINDS
        trial = Trial()
        try:
            yield trial
        except Exception as exc:
            tried[self.kind] += 1
            trace = "".join(traceback.format_exception(exc, limit=-3))
            self.failures.append(f"{name}\n{trace}")
        else:
            tried[self.kind] += trial.happened
            survived[self.kind] += trial.happened


def count(default: int) -> int:
    """How many of a kind, after FAULTS."""
    return max(1, round(default * SCALE))


def table() -> list[str]:
    """Kind, tried, survived; and the sum."""
    rows = [(kind, tried[kind], survived[kind]) for kind in KINDS if tried[kind]]
    rows.append(("all", sum(tried.values()), sum(survived.values())))
    width = max(len(kind) for kind, _, _ in rows)
    lines = [f"{'fault':<{width}}  tried  survived"]
    return lines + [f"{kind:<{width}}  {times:>5}  {kept:>8}" for kind, times, kept in rows]
