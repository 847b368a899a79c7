"""The steps of the automatic mode: a pure state machine from a decision to the next share."""

from dataclasses import dataclass

from serving.canary.decision import Decision, Promote, Rollback
from serving.canary.policy import CanaryPolicy


@dataclass(frozen=True)
class Step:
    """Where a canary of the automatic mode is.

    Attributes:
      index: Index in `CanaryPolicy.shares`.
      hours: Time since this share was set, hours.
    """

    index: int
    hours: float


@dataclass(frozen=True)
class Wait:
    """Nothing changes."""


@dataclass(frozen=True)
class RaiseShare:
    """The canary gets a larger share.

    Attributes:
      index: Index of the new step.
      share: Its share.
    """

    index: int
    share: float


@dataclass(frozen=True)
class PromoteCanary:
    """The canary becomes live."""


@dataclass(frozen=True)
class RollBackCanary:
    """The canary ends."""


Action = Wait | RaiseShare | PromoteCanary | RollBackCanary


def next_step(state: Step, decision: Decision, policy: CanaryPolicy) -> Action:
    """Returns what follows from a decision on the statistics since the share was set.

    A rollback is carried out at once. A larger share follows, after `step_minutes`, from Promote, or from Hold after
    `step_requests` canary requests: without shown harm, more traffic is a better test. The promotion itself needs
    Promote at the last share below 1.
    """
    if isinstance(decision, Rollback):
        return RollBackCanary()
    last = state.index >= len(policy.shares) - 1
    proven = isinstance(decision, Promote)
    if 60 * state.hours < policy.step_minutes:
        return Wait()
    if last:
        return PromoteCanary() if proven else Wait()
    if proven or (policy.step_requests and decision.requests >= policy.step_requests):
        return RaiseShare(state.index + 1, policy.shares[state.index + 1])
    return Wait()
