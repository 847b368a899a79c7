"""One look at the retraining: what persons ask for, the policy's decision, and the steps that can be done now."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from components.shared.errors import UsageError
from components.shared.file_lock import locked_if_free
from monitor.retraining.policy import Decision, RetrainingState, decide, is_triggered
from monitor.retraining.record import Retraining, StepRecord, open_one, retrainings, save
from monitor.retraining.staleness import Saving
from monitor.retraining.steps import RetrainingDependencies, RetrainingSteps

FOLDER = "retraining"
"""Folder below that of the monitor's store."""


@dataclass(frozen=True)
class RetrainingLook:
    """What one look found and did.

    Attributes:
      decision: The policy's decision; None if another process carries the retraining on.
      before: The retraining that was under way; None if none was.
      after: The retraining that is under way, or has ended by this look.
    """

    decision: Decision | None
    before: Retraining | None
    after: Retraining | None

    def lines(self) -> list[str]:
        """What changed, for a person; [] if nothing did."""
        if self.after is None or self.after == self.before:
            return []
        known = len(self.before.steps) if self.before is not None and self.before.number == self.after.number else 0
        return [f"retraining {self.after.number}: {step.text}" for step in self.after.steps[known:]]


class Retrainer:
    """Decides about retrainings and carries them on. `plumbline monitor` and `plumbline retrain` have one each."""

    def __init__(
        self,
        parts: RetrainingDependencies,
        rows: Callable[[datetime], int],
        trained: Callable[[], datetime | None],
        saving: Callable[[datetime], tuple[Saving | None, str]],
    ) -> None:
        """Makes a retrainer.

        Args:
          parts: Dependencies of the steps.
          rows: Number of mature labelled rows that are in no span yet, at a time.
          trained: When the live version was pushed.
          saving: Expected saving of a retraining, and why it is unknown; asked for by the policy "cost" alone.
        """
        self._parts = parts
        self._rows, self._trained, self._saving = rows, trained, saving
        self._steps = RetrainingSteps(parts)

    @property
    def parts(self) -> RetrainingDependencies:
        """Dependencies of the steps."""
        return self._parts

    def clock(self) -> datetime:
        """End of the newest window, so that a replay of old requests has their time; the present without a window."""
        newest = self._parts.store.windows()[-1:]
        return newest[0].end if newest else datetime.now(timezone.utc)

    def state(self, now: datetime) -> RetrainingState:
        """What the decision depends on."""
        settings, found = self._parts.settings, retrainings(self._parts.store)
        request = self._parts.inbox.request()
        if open_one(found) is not None or (settings.policy == "manual" and request is None):
            return RetrainingState(found, request=request)  # nothing that is slow to find out changes the decision
        saving, unknown = self._saving(now) if settings.policy == "cost" else (None, "")
        incidents = self._parts.store.incidents(open_only=True)
        state = RetrainingState(found, incidents, 0, self._trained(), saving, unknown, request)
        # Counting rows reads the whole log.
        return replace(state, rows=self._rows(now)) if is_triggered(state, settings, now) else state

    def look(self, now: datetime | None = None, wait: bool = False) -> RetrainingLook:
        """Decides, and does all steps that can be done now. To be called after each window, and at any other time.

        Args:
          now: Time, with zone; None is that of `clock`.
          wait: Whether to wait for the end of a training, for a process that ends after the look.

        Raises:
          PlumblineError: The registry, the log or the store cannot be read or written; the next look goes on.
        """
        now = now or self.clock()
        with locked_if_free(self._parts.store.folder / FOLDER / ".lock") as mine:
            if not mine:
                return RetrainingLook(None, None, None)
            decision = None
            before = open_one(retrainings(self._parts.store))
            one = before
            if one is None:
                state = self.state(now)
                decision = decide(state, self._parts.settings, now)
                if decision.action == "retrain":
                    one = self._opened(state, decision, now)
            if one is not None and one.trigger == "person":
                self._parts.inbox.done()
            after = None if one is None else self._steps.advance(one, now, wait)
            return RetrainingLook(decision, before, after)

    def _opened(self, state: RetrainingState, decision: Decision, now: datetime) -> Retraining:
        time, reason = now.isoformat(timespec="seconds"), decision.reasons[0]
        number = max((one.number for one in state.retrainings), default=0) + 1
        one = Retraining(
            number, "decided", reason, decision.trigger, time, time, steps=(StepRecord("decision", time, reason),)
        )
        save(self._parts.store, one)
        return one

    def under_way(self, number: int) -> Retraining:
        """The retraining of a number, if it has not ended; UsageError otherwise."""
        found = open_one(retrainings(self._parts.store))
        if found is None or found.number != number:
            there = f"retraining {found.number} is" if found else "none is"
            raise UsageError(f"retraining {number}: is not under way; {there}")
        return found
