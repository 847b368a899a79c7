"""The steps of a retraining: span, `plumbline run`, canary, promotion. Each is done exactly once, even after a kill.

A step first changes the world by one atomic write (the span's ledger, the run's process, labels.json) and then the
record in the store. After a kill between the two, the next look finds the change and only writes the record.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from components.registry.registry import Aliases, Registry
from components.shared.errors import InputError, UsageError
from components.shared.texts.escaping import on_one_line
from monitor.retraining.inbox import Inbox
from monitor.retraining.record import Retraining, State, StepRecord, save
from monitor.retraining.settings import RetrainingSettings, Step
from monitor.retraining.training import BLOCKED, Training, TrainingResult
from monitor.store import MonitorStore
from serving.canary.decision import Decision
from serving.canary.policy import CanaryPolicy
from serving.canary.steps import PromoteCanary, RaiseShare, RollBackCanary, Wait, next_step
from serving.canary.steps import Step as CanaryStep
from serving.canary.watch import Statistics, carry_out, decision_now

Kind = Literal["canary", "share", "promote", "rollback", "stop"]
_ACTIONS = {Wait: "wait", RaiseShare: "raise", PromoteCanary: "promote", RollBackCanary: "rollback"}
USAGE = 2
"""Exit code of `plumbline run` for settings or data that it cannot use: trying again does not help."""


@dataclass(frozen=True)
class WrittenSpans:
    """The spans of one retraining.

    Attributes:
      span: Number of the span with the training rows.
      eval_span: Number of the span with the held-out rows.
      rows: Rows of both.
      text: What was written, in one sentence.
    """

    span: int
    eval_span: int
    rows: int
    text: str


class SpanWriter(Protocol):
    """Writes the labelled rows of the request log as the next spans."""

    def __call__(self, retraining: int, now: datetime) -> WrittenSpans:
        """Writes the spans of a retraining, or returns those that were written before.

        Raises:
          InputError: There are no rows, or they cannot be written; nothing was.
          UsageError: The settings do not allow it.
        """
        ...


class DecisionRecorder(Protocol):
    """Records a decision about a version in ML Metadata."""

    def __call__(self, kind: Kind, version: int, aliases: Aliases, reason: str, analysis: Mapping[str, Any]) -> None:
        """Records it unless it is there already."""
        ...


@dataclass(frozen=True)
class RetrainingDependencies:
    """Dependencies of the steps.

    Attributes:
      store: The monitor's store.
      settings: The settings.
      inbox: Approvals and rejections; the training's files are beside them.
      registry: The registry.
      canary: Policy of the canary.
      statistics: Statistics of its arms.
      write_spans: Writes the spans.
      command: Eval span -> command line of the training.
      record: Records decisions.
      pushed: Finds the version that a run on an eval span pushed, for a training that only submits a run.
      run_ended: Whether a submitted run has ended, and how: "" while it is under way.
      compared: Keeps what a run measured of the former and the new model on the same rows.
      looked: Keeps the evidence of a look at the canary, and the name of the action that followed.
    """

    store: MonitorStore
    settings: RetrainingSettings
    inbox: Inbox
    registry: Registry
    canary: CanaryPolicy
    statistics: Statistics
    write_spans: SpanWriter
    command: Callable[[int], Sequence[str]]
    record: DecisionRecorder
    pushed: Callable[[int, datetime], int | None] = lambda span, since: None
    run_ended: Callable[[str], str] = lambda run_id: "its state is unknown"
    compared: Callable[[Mapping[str, Any], datetime], None] = lambda summary, now: None
    looked: Callable[[Aliases, Decision, str], None] = lambda aliases, decision, action: None


class RetrainingSteps:
    """Advances a retraining through its steps."""

    def __init__(self, parts: RetrainingDependencies) -> None:
        self._parts = parts
        self._canary_decision: Decision | None = None

    def advance(self, one: Retraining, now: datetime, wait: bool = False) -> Retraining:
        """Does all steps that can be done now; each is in the store when the next one begins.

        Args:
          one: The retraining.
          now: Time, with zone.
          wait: Whether to wait for the end of the training.

        Returns:
          The retraining then: it has ended, is held, or waits for its training or its canary.
        """
        while True:
            after = self._next(one, now)
            if after == one:
                if not (wait and one.state == "training" and self._training(one).state() == "running"):
                    return one
                self._training(one).wait()
                continue
            save(self._parts.store, after)
            one = after

    def _next(self, one: Retraining, now: datetime) -> Retraining:
        if one.ended:
            return one
        if (rejected := self._parts.inbox.rejection(one.number)) is not None:
            return self._rejected_by_person(one, now, rejected)
        if one.state == "held":
            return self._held(one, now)
        if one.state == "decided":
            return self._unless_held(one, now, "training") or self._resume(one, now, "training")
        if one.state == "span":
            return self._span(one, now)
        if one.state == "training":
            return self._trained(one, now)
        return self._in_canary(one, now)

    # -- approval ------------------------------------------------------------------------------------------------

    def _unless_held(self, one: Retraining, now: datetime, step: Step) -> Retraining | None:
        """The held record, if the step waits for a person; None if it may be done."""
        asked = step == "training" and one.trigger == "person"  # who starts a retraining approves of it
        if step not in self._parts.settings.hold or step in one.approved or asked:
            return None
        return one.changed(now, "approval", f"{step} waits for a person", state="held", waits_for=step)

    def _held(self, one: Retraining, now: datetime) -> Retraining:
        step = one.waits_for
        for approved, text in self._parts.inbox.approvals(one.number).items():
            if approved == step:
                return self._resume(one, now, approved, text)
        return self._in_canary(one, now) if step == "promotion" else one

    def _resume(self, one: Retraining, now: datetime, step: Step, by: str = "") -> Retraining:
        state: State = "span" if step == "training" else "canary"
        if not by:
            return one.changed(now, "decision", "begins", state=state)
        text = f"{step} approved by {by}"
        return one.changed(now, "approval", text, state=state, waits_for="", approved=(*one.approved, step))

    def _rejected_by_person(self, one: Retraining, now: datetime, text: str) -> Retraining:
        aliases = self._parts.registry.labels()
        if aliases is not None and one.version is not None and aliases.canary == one.version:
            aliases = self._parts.registry.rollback(seen=aliases)
            self._parts.record("rollback", one.version, aliases, f"retraining {one.number} rejected by {text}", {})
        return one.changed(now, "end", f"rejected by {text}", state="rejected", waits_for="")

    # -- span and training ---------------------------------------------------------------------------------------

    def _span(self, one: Retraining, now: datetime) -> Retraining:
        try:
            found = self._parts.write_spans(one.number, now)
        except (InputError, UsageError) as exc:
            return one.changed(now, "end", f"no span: {on_one_line(str(exc))}", state="failed")
        return one.changed(
            now, "span", found.text, state="training", span=found.span, eval_span=found.eval_span, rows=found.rows
        )

    def _training(self, one: Retraining) -> Training:
        return Training(self._parts.inbox.of(one.number))

    def _trained(self, one: Retraining, now: datetime) -> Retraining:
        training = self._training(one)
        state = training.state()
        if state == "ended":
            return self._after_training(one, now, training)
        if state == "none":
            assert one.eval_span is not None
            if training.starts >= self._parts.settings.attempts:
                return one.changed(now, "end", f"the training was killed {training.starts} times", state="failed")
            training.start([*self._parts.command(one.eval_span)])
        starts = training.starts
        if starts == one.attempts:
            return one
        cost = one.cost + (starts - one.attempts) * self._parts.settings.training_cost
        return one.changed(now, "training", f"`plumbline run` started, attempt {starts}", attempts=starts, cost=cost)

    def _after_training(self, one: Retraining, now: datetime, training: Training) -> Retraining:
        result = training.result()
        summary = result.summary
        known = {"run_id": str(summary.get("run_id") or ""), "report": str(summary.get("report") or "")}
        if result.code == BLOCKED:
            return one.changed(now, "end", f"the data gate stopped the run: {_why(result)}", state="rejected", **known)
        if result.code != 0:
            if result.code != USAGE and training.starts < self._parts.settings.attempts:
                training.again()
                text = f"attempt {training.starts} failed with exit code {result.code}: {_why(result)}"
                return one.changed(now, "training", text)
            return one.changed(now, "end", f"exit code {result.code}: {_why(result)}", state="failed", **known)
        if "pushed" not in summary:
            return self._after_submission(one, now, summary)
        self._parts.compared(summary, now)
        if (version := summary["pushed"]) is None:
            return one.changed(now, "end", f"no version was pushed: {_why(result)}", state="rejected", **known)
        return self._pushed(one, now, int(version), known)

    def _after_submission(self, one: Retraining, now: datetime, summary: Mapping[str, Any]) -> Retraining:
        """The run takes place on a cluster: its version appears in the registry."""
        run_id, url = str(summary.get("run_id") or ""), str(summary.get("url") or "")
        if one.run_id != run_id:
            return one.changed(now, "training", f"submitted as run {run_id}", run_id=run_id, report=url)
        assert one.eval_span is not None
        ended = self._parts.run_ended(run_id)  # before the registry is read: a run that has ended has pushed
        version = self._parts.pushed(one.eval_span, datetime.fromisoformat(one.opened))
        if version is not None:
            return self._pushed(one, now, version, {"run_id": run_id})
        if not ended:
            return one
        return one.changed(now, "end", f"run {run_id} pushed no version: {ended}", state="rejected")

    def _pushed(self, one: Retraining, now: datetime, version: int, known: Mapping[str, str]) -> Retraining:
        aliases = self._parts.registry.labels()
        if aliases is not None and aliases.live == version:  # [registry] push = "live", or the first version
            text = f"run {known['run_id']} made version {version} live"
            return one.changed(now, "promotion", text, state="promoted", version=version, **known)
        text = f"run {known['run_id']} pushed version {version}"
        return one.changed(now, "training", text, state="canary", version=version, **known)

    # -- canary and promotion ------------------------------------------------------------------------------------

    def _in_canary(self, one: Retraining, now: datetime) -> Retraining:
        version, aliases = one.version, self._parts.registry.labels()
        assert version is not None
        if aliases is None:
            return one.changed(now, "end", f"{self._parts.registry.where}: the registry is gone", state="failed")
        began = any(step.step == "canary" for step in one.steps)
        if aliases.live == version:
            self._record("promote", version, aliases)
            text = f"version {version} is live" + (f", version {aliases.previous} was" if aliases.previous else "")
            return one.changed(now, "promotion", text, state="promoted", waits_for="")
        if version <= (aliases.decided or 0):
            self._record("rollback", version, aliases)
            why = f": {self._canary_decision.reasons[0]}" if self._canary_decision else ""
            return one.changed(now, "end", f"version {version} was rolled back{why}", state="rejected", waits_for="")
        if aliases.canary == version:
            return self._under_test(one, now, aliases, began)
        if began:
            text = f"the canary of version {version} was ended by another command"
            return one.changed(now, "end", text, state="rejected", waits_for="")
        return self._before_canary(one, now, aliases, version)

    def _before_canary(self, one: Retraining, now: datetime, aliases: Aliases, version: int) -> Retraining:
        if one.state == "held":  # the promotion, of a policy without a canary
            return one
        if held := self._unless_held(one, now, "canary"):
            return held
        if not self._parts.canary.shares:
            if held := self._unless_held(one, now, "promotion"):
                return held
            self._parts.registry.promote(version, seen=aliases)
            return self._in_canary(one, now)
        if aliases.canary is not None or aliases.shadow == version:
            other = f"version {aliases.canary} is the canary" if aliases.canary else "the version is the shadow"
            return _noted(one, now, "wait", f"waits: {other}")
        self._parts.registry.start_canary(version, self._parts.canary.shares[0], 0)
        return self._in_canary(one, now)

    def _under_test(self, one: Retraining, now: datetime, aliases: Aliases, began: bool) -> Retraining:
        version = aliases.canary
        assert version is not None
        share = f"{100 * aliases.share:.3g} % of the requests"
        if not began:
            self._record("canary", version, aliases)
            cost = one.cost + self._parts.settings.canary_cost
            return one.changed(now, "canary", f"version {version} became the canary with {share}", cost=cost)
        if aliases.step is None:
            return _noted(one, now, "wait", f"a person set the share of canary {version}; waits for their decision")
        if aliases.step > sum(step.step == "share" for step in one.steps):
            self._record("share", version, aliases)
            return one.changed(now, "share", f"canary {version} got {share}")
        # Wall-clock time, like the timestamps in labels.json, even in a replay, where `now` is the time of the window.
        decision, hours = decision_now(aliases, self._parts.statistics, self._parts.canary)
        action = next_step(CanaryStep(aliases.step, hours), decision, self._parts.canary)
        if "promotion" in one.approved and not isinstance(action, RollBackCanary):
            action = PromoteCanary()
        elif one.state == "held" and not isinstance(action, RollBackCanary):
            return one
        elif isinstance(action, PromoteCanary) and (held := self._unless_held(one, now, "promotion")):
            return held
        self._parts.looked(aliases, decision, _ACTIONS[type(action)])
        if isinstance(action, Wait):
            return one
        self._canary_decision = decision
        carry_out(self._parts.registry, aliases, action)
        return self._in_canary(one, now)

    def _record(self, kind: Kind, version: int, aliases: Aliases) -> None:
        decision, self_made = self._canary_decision, kind in ("share", "promote", "rollback")
        reason = "; ".join(decision.reasons) if decision and self_made else "retraining"
        self._parts.record(kind, version, aliases, reason, decision.to_json() if decision and self_made else {})


def _noted(one: Retraining, now: datetime, step: str, text: str) -> Retraining:
    """The record with a line about a wait, unless it is the last line already."""
    last: StepRecord | None = one.steps[-1] if one.steps else None
    return one if last is not None and (last.step, last.text) == (step, text) else one.changed(now, step, text)


def _why(result: TrainingResult) -> str:
    summary = result.summary
    said = summary.get("stopped") or "; ".join(summary.get("violation_texts") or []) or result.message
    return on_one_line(str(said)) or "no message"


def plumbline(*arguments: str) -> list[str]:
    """Command line of `plumbline` with this interpreter."""
    return [sys.executable, "-m", "pipeline.cli", *arguments]
