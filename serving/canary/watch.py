"""Looks at a canary, and the loop of the automatic mode: each look reads the statistics anew, then acts."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from components.registry.registry import Aliases, Registry
from components.shared.errors import PlumblineError, UsageError
from serving.canary.arm_statistics import ArmStatistics
from serving.canary.decision import Decision, decide
from serving.canary.policy import CanaryPolicy
from serving.canary.steps import Action, PromoteCanary, RaiseShare, RollBackCanary, Step, Wait, next_step

Statistics = Callable[[Aliases], tuple[ArmStatistics, ArmStatistics]]
"""Statistics of live and canary since the share of these aliases was set; see log_statistics.arms_from_log."""


@dataclass(frozen=True)
class Look:
    """One look at a canary.

    Attributes:
      before: Aliases that it is about.
      decision: The decision.
      action: What followed; Wait for a canary whose share a person set.
      after: The aliases then.
    """

    before: Aliases
    decision: Decision
    action: Action
    after: Aliases


def decision_now(
    aliases: Aliases, statistics: Statistics, policy: CanaryPolicy, now: datetime | None = None
) -> tuple[Decision, float]:
    """Returns the decision about a canary and the hours since its share was set.

    In the automatic mode the steps split alpha, since each has statistics of its own.

    Raises:
      UsageError: There is no canary.
    """
    if aliases.canary is None:
        raise UsageError("no version is the canary; run `plumbline canary start VERSION` first")
    hours = 0.0
    if aliases.since:
        hours = ((now or datetime.now(timezone.utc)) - datetime.fromisoformat(aliases.since)).total_seconds() / 3600
    live, canary = statistics(aliases)
    return decide(live, canary, policy if aliases.step is None else policy.of_one_step(), hours), hours


def look(registry: Registry, statistics: Statistics, policy: CanaryPolicy, now: datetime | None = None) -> Look:
    """Looks at the canary of the automatic mode once, and carries out what follows by one atomic write.

    Raises:
      UsageError: There is no canary.
      PlumblineError: The aliases were changed meanwhile by another process; nothing is changed.
    """
    before = registry.labels()
    if before is None:
        raise UsageError(f"{registry.where}: no version is there yet; `plumbline run` pushes one")
    decision, hours = decision_now(before, statistics, policy, now)
    action: Action = Wait()
    if before.step is not None:
        action = next_step(Step(before.step, hours), decision, policy)
    return Look(before, decision, action, carry_out(registry, before, action))


def watch(
    registry: Registry,
    statistics: Statistics,
    policy: CanaryPolicy,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Look]:
    """Looks at the canary until it is promoted or rolled back; yields each look.

    Args:
      registry: The registry.
      statistics: Reads the arms' statistics.
      policy: The policy.
      seconds: Time between looks.
      pause: Waits.

    Raises:
      UsageError: There is no canary, or it ended or was replaced meanwhile.
      PlumblineError: The registry or the statistics cannot be read.
    """
    first = registry.labels()
    while True:
        now = registry.labels()
        if now is None or first is None or now.canary is None or now.key != first.key:
            raise UsageError(f"{registry.where}: the canary was ended by another process")
        try:
            found = look(registry, statistics, policy)
        except PlumblineError:
            if registry.labels() == now:
                raise
            continue  # another process changed the aliases: look again
        yield found
        if isinstance(found.action, PromoteCanary | RollBackCanary):
            return
        pause(seconds)


def carry_out(registry: Registry, seen: Aliases, action: Action) -> Aliases:
    """Carries out an action by one atomic write; returns the aliases then. PlumblineError if they are not `seen`."""
    if isinstance(action, RaiseShare):
        return registry.set_share(action.share, action.index, seen=seen)
    if isinstance(action, PromoteCanary):
        return registry.promote(seen=seen)
    if isinstance(action, RollBackCanary):
        return registry.rollback(seen=seen)
    return seen
