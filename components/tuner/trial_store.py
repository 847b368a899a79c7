"""Trials of a search, and the folder that keeps finished trials so that a killed search can be resumed."""

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

MAX_BEGUN = 2
"""Number of process deaths after which a trial counts as failed; the likely cause is that memory ran out."""


@dataclass(frozen=True)
class Trial:
    """One training with given settings.

    Attributes:
      values: Settings by dotted name; empty for the current settings.
      score: The metric on the validation split; None if the trial failed.
      seconds: Duration.
      failed: Why it failed; "" if it did not.
      answer: Predictions for the validation rows, [V] or [V, K]; None if it failed.
    """

    values: Mapping[str, Any]
    score: float | None
    seconds: float
    failed: str = ""
    answer: np.ndarray | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Returns the trial's entry in best_settings.json."""
        return {
            "settings": dict(self.values),
            "score": self.score,
            "seconds": round(self.seconds, 3),
            "failed": self.failed or None,
        }


class TrialStore:
    """Finished trials by their settings, a file each; a restarted search finds them."""

    def __init__(self, folder: Path) -> None:
        """`folder` belongs to a single search; it is created when the first trial starts."""
        self._folder = folder

    def trial(self, values: Mapping[str, Any], train: Callable[[], Trial]) -> Trial:
        """Returns the trial of these settings: read if it is finished, otherwise trained and stored.

        Exceptions of `train` are passed on and do not count as a death of the process.

        Args:
          values: Settings by dotted name.
          train: Trains with these settings.
        """
        key = hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()[:16]
        done, begun = self._folder / f"{key}.npz", self._folder / f"{key}.begun.json"
        if (found := _read(done)) is not None:
            return found
        times = _times(begun)
        if times >= MAX_BEGUN:
            return Trial(values, None, 0.0, f"the process ended {times} times during it; not tried again")
        write_json(begun, {"times": times + 1})
        try:
            trial = train()
        except BaseException:  # a bug, invalid rows or Ctrl-C: not caused by these settings
            write_json(begun, {"times": times})
            raise
        write_bytes(done, _packed(trial))
        begun.unlink(missing_ok=True)
        return trial

    def close(self) -> None:
        """Deletes the stored trials, once the result of the search is written."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # another search is running, or the folder is already deleted
            self._folder.parent.rmdir()


def attempted(values: Mapping[str, Any], train: Callable[[], tuple[float, np.ndarray]]) -> Trial:
    """Trains once; the trial fails if the settings cannot be trained with: the loss is not finite or memory runs out.

    Args:
      values: Settings by dotted name.
      train: Returns the score and the predictions for the validation rows.

    Raises:
      InputError: The rows cannot be trained on, whatever the settings. Unexpected exceptions are passed on.
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
        return Trial(values, None, time.monotonic() - began, "its predictions for the validation rows are not finite")
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
