"""Trials, and the folder that keeps those that are done until the search is, so that a killed one goes on."""

import hashlib
import io
import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from components.shared.errors import InputError, PlumblineError
from components.shared.files import write_bytes, write_json

MOST_BEGUN = 2
"""A trial that ended the process so often is given up: most likely the system ended it for want of memory."""


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
      values: Settings by dotted name; empty for the settings as they are.
      score: The metric on the validation rows; None if it failed.
      seconds: It took.
      failed: Why it failed; "" if it did not.
      answer: What it answered for the validation rows, [V] or [V, K]; None if it failed.
    """

    values: Mapping[str, Any]
    score: float | None
    seconds: float
    failed: str = ""
    answer: np.ndarray | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """As best_settings.json lists it."""
        return {
            "settings": dict(self.values),
            "score": self.score,
            "seconds": round(self.seconds, 3),
            "failed": self.failed or None,
        }


class Notebook:
    """Trials by their settings, each a file as soon as it is done; a search that is begun anew finds them."""

    def __init__(self, folder: Path) -> None:
        """`folder` belongs to one search alone; it is made if it is not there."""
        self._folder = folder

    def trial(self, values: Mapping[str, Any], train: Callable[[], Trial]) -> Trial:
        """The trial of these settings: read if it was done before, otherwise trained, and kept.

        What `train` raises is raised, and does not count as an end of the process.
        """
        key = hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()[:16]
        done, begun = self._folder / f"{key}.npz", self._folder / f"{key}.begun.json"
        if (found := _read(done)) is not None:
            return found
        times = _times(begun)
        if times >= MOST_BEGUN:
            return Trial(values, None, 0.0, f"the process ended {times} times during it; not tried again")
        write_json(begun, {"times": times + 1})
        try:
            trial = train()
        except BaseException:  # a bug, bad rows or somebody's Ctrl-C: nothing that these settings are to blame for
            write_json(begun, {"times": times})
            raise
        write_bytes(done, _packed(trial))
        begun.unlink(missing_ok=True)
        return trial

    def close(self) -> None:
        """Forgets the trials: the search is over and its result is written."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # another search is under way, or it is gone
            self._folder.parent.rmdir()


def attempted(values: Mapping[str, Any], train: Callable[[], tuple[float, np.ndarray]]) -> Trial:
    """One training as a trial; failed if these settings cannot be trained: a loss that is no number, too little memory.

    Args:
      values: Settings by dotted name.
      train: Gives the score and the answers to the validation rows.

    Raises:
      InputError: The rows cannot be learned from, whatever the settings; and anything that is a bug.
    """
    import tensorflow as tf

    began = time.monotonic()
    try:
        score, answer = train()
    except InputError:
        raise
    except MemoryError as exc:
        return Trial(values, None, time.monotonic() - began, f"out of memory ({exc})" if str(exc) else "out of memory")
    except tf.errors.ResourceExhaustedError as exc:
        return Trial(values, None, time.monotonic() - began, f"out of memory ({' '.join(exc.message.split())[:200]})")
    except (PlumblineError, FloatingPointError) as exc:
        return Trial(values, None, time.monotonic() - began, str(exc))
    if not np.isfinite(score) or not np.isfinite(answer).all():
        return Trial(values, None, time.monotonic() - began, "its answers to the validation rows are no numbers")
    return Trial(values, score, time.monotonic() - began, answer=answer)


def _packed(trial: Trial) -> bytes:
    buffer = io.BytesIO()
    answer = np.empty(0) if trial.answer is None else trial.answer
    np.savez(buffer, trial=json.dumps(trial.to_json()), answer=answer)
    return buffer.getvalue()


def _read(path: Path) -> Trial | None:
    if not path.is_file():
        return None
    with np.load(path) as found:
        kept, answer = json.loads(str(found["trial"])), found["answer"]
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in kept["settings"].items()}
    failed = kept["failed"] or ""
    return Trial(values, kept["score"], kept["seconds"], failed, None if failed else answer)


def _times(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["times"])
    except (OSError, ValueError, KeyError):
        return 0
