"""The record of one retraining, from the decision to its end."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal

from monitor.retraining.settings import Step
from monitor.store import MonitorStore

State = Literal["decided", "held", "span", "training", "canary", "promoted", "rejected", "failed"]
ENDED: tuple[State, ...] = ("promoted", "rejected", "failed")


@dataclass(frozen=True)
class StepRecord:
    """One step that was done, or the reason why it waits or failed.

    Attributes:
      step: "decision", "approval", "span", "training", "canary", "share" or "promotion"; "end" for what ended it.
      time: UTC, ISO 8601.
      text: One sentence.
    """

    step: str
    time: str
    text: str


@dataclass(frozen=True)
class Retraining:
    """One retraining.

    Attributes:
      number: From 1.
      state: "decided": to be started. "held": waits for a person, see `waits_for`. "span": the labelled rows are being
        written. "training": `plumbline run` is under way. "canary": the version is the canary, or waits to be it.
        "promoted", "rejected" and "failed" are the ends.
      reason: Why, in one sentence.
      trigger: "person", "schedule", "incident 3" or "cost".
      opened: Time of the decision, UTC, ISO 8601.
      updated: Time of the last change.
      waits_for: Step that a person has to approve; "" if none.
      approved: Steps that a person approved, or that need none.
      span: Number of the span with the new training rows; None before it is written.
      eval_span: Number of the span with the held-out rows, on which the run evaluates.
      rows: Rows of both spans.
      run_id: Id of the run; "" before its end.
      version: Pushed version; None if there is none.
      report: Path of the run's report.
      attempts: Trainings that were started.
      cost: Cost so far, in the user's unit.
      steps: What happened, oldest first.
    """

    number: int
    state: State
    reason: str
    trigger: str
    opened: str
    updated: str
    waits_for: str = ""
    approved: tuple[Step, ...] = ()
    span: int | None = None
    eval_span: int | None = None
    rows: int = 0
    run_id: str = ""
    version: int | None = None
    report: str = ""
    attempts: int = 0
    cost: float = 0.0
    steps: tuple[StepRecord, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.state in ENDED

    def changed(self, now: datetime, step: str, text: str, **changes: Any) -> "Retraining":
        """The record after a step, with a line about it."""
        time = now.isoformat(timespec="seconds")
        return replace(self, updated=time, steps=(*self.steps, StepRecord(step, time, text)), **changes)

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**own, "approved": list(self.approved), "steps": [vars(one) for one in self.steps]}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Retraining":
        """Reads the output of `to_json`."""
        steps = tuple(StepRecord(**one) for one in record["steps"])
        return cls(**{**record, "approved": tuple(record["approved"]), "steps": steps})

    def to_text(self) -> str:
        """Returns the record in one line."""
        parts = [f"retraining {self.number}: {self.state}"]
        if self.waits_for:
            parts.append(f"{self.waits_for} waits for `plumbline retrain approve {self.number}`")
        if self.span is not None:
            parts.append(f"{self.rows:,} rows in spans {self.span} and {self.eval_span}")
        if self.version is not None:
            parts.append(f"version {self.version}")
        return f"{', '.join(parts)} (since {self.opened}: {self.reason})"


def retrainings(store: MonitorStore) -> list[Retraining]:
    """All retrainings, oldest first."""
    return [Retraining.from_json(one) for one in store.retrainings()]


def save(store: MonitorStore, retraining: Retraining) -> None:
    """Writes a record to the store."""
    store.put_retraining(retraining.number, retraining.state, retraining.to_json())


def open_one(found: Iterable[Retraining]) -> Retraining | None:
    """The retraining that has not ended; there is at most one."""
    return next((one for one in found if not one.ended), None)
