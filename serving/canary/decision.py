"""The decision about a canary: pure, from the statistics of two arms and a policy; valid at every look."""

import math
from dataclasses import dataclass
from typing import Any

from serving.canary.arm_statistics import ArmStatistics
from serving.canary.checks import check_errors, check_latency, check_metric, check_predictions
from serving.canary.findings import CanaryFinding, rounded
from serving.canary.policy import CanaryPolicy

_POLICY = CanaryPolicy()


@dataclass(frozen=True)
class Decision:
    """A decision, with its reasons.

    Attributes:
      findings: One for each comparison.
      reasons: Why, in sentences.
      requests: Number of requests of the canary.
      needed: Hold: number of further canary requests after which a canary that equals live is expected to be promoted,
        with the policy's power; infinite if unknown. Otherwise 0.
      power: The policy's power.
    """

    findings: tuple[CanaryFinding, ...]
    reasons: tuple[str, ...]
    requests: int
    needed: float
    power: float

    @property
    def name(self) -> str:
        """Returns "promote", "hold" or "rollback"."""
        return type(self).__name__.lower()

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {
            "decision": self.name,
            "reasons": list(self.reasons),
            "requests": self.requests,
            "needed": None if math.isinf(self.needed) else math.ceil(self.needed),
            "power": self.power,
            "findings": [finding.to_json() for finding in self.findings],
        }

    def to_text(self) -> str:
        """Returns the decision with its reasons in one line, and one line for each finding."""
        lines = [f"{self.name}: {'; '.join(self.reasons)}", *(f"  {finding.to_text()}" for finding in self.findings)]
        return "\n".join(lines)


class Promote(Decision):
    """Every required check has shown non-inferiority."""


class Hold(Decision):
    """Neither harm nor non-inferiority is shown yet."""


class Rollback(Decision):
    """A check has shown harm, or the time is up."""


def decide(live: ArmStatistics, canary: ArmStatistics, policy: CanaryPolicy = _POLICY, hours: float = 0.0) -> Decision:
    """Decides about a canary. It may be called at any time and as often as wanted.

    The arms have to be concurrent, with one split of the traffic: statistics of a time in which the share was another
    one compare different times of day. Requests are taken as independent.

    Args:
      live: Statistics of the live version.
      canary: Statistics of the canary.
      policy: What it has to show.
      hours: Time since the share was set, hours.

    Returns:
      Rollback if a check shows harm: P(ever) <= alpha if no difference is above `harm` times its margin. Promote if all
      required checks show non-inferiority: P(ever) <= alpha if one of them is beyond its margin. Otherwise Hold, or
      what `timeout` says once the policy's maximum is reached.
    """
    findings = (
        check_errors(live, canary, policy),
        *(check_latency(live, canary, policy, p) for p in policy.latency_quantiles),
        check_predictions(live, canary, policy),
        check_metric(live, canary, policy),
    )
    requests = canary.requests
    if harmful := [finding.name for finding in findings if finding.state == "harm"]:
        reasons = (f"the canary is worse than live in {_listed(harmful)}",)
        return Rollback(findings, reasons, requests, 0.0, policy.power)
    missing = [finding for finding in findings if finding.required and finding.state != "non-inferior"]
    if not missing and requests >= policy.min_requests:
        needed = _listed([finding.name for finding in findings if finding.required]) or "no check"
        reasons = (f"the canary is not worse than live by more than the margins in {needed}",)
        return Promote(findings, reasons, requests, 0.0, policy.power)
    said = []
    if over := _over(requests, hours, policy):
        if policy.timeout == "rollback":
            open_ones = _listed([finding.name for finding in missing]) or "the minimum of requests"
            return Rollback(findings, (f"{over}, {open_ones} undecided",), requests, 0.0, policy.power)
        said.append(over)
    further = [float(policy.min_requests - requests)]
    for finding in missing:
        # Rows per request are as many later as now.
        rows = requests / finding.observations if finding.observations else math.inf
        further.append(finding.needed * rows if math.isfinite(rows) else math.inf)
    if missing:
        said.append(f"{_listed([finding.name for finding in missing])} not yet shown to be within the margin")
    else:
        said.append(f"{requests:,} of at least {policy.min_requests:,} canary requests")
    needed_now = max(0.0, *further)
    if math.isfinite(needed_now):
        said.append(
            f"about {rounded(needed_now):,} more canary requests are expected if the versions are equal "
            f"(power {policy.power:g})"
        )
    return Hold(findings, tuple(said), requests, needed_now, policy.power)


def _over(requests: int, hours: float, policy: CanaryPolicy) -> str:
    if policy.max_hours and hours >= policy.max_hours:
        return f"{hours:.1f} hours have passed, at most {policy.max_hours:g} are allowed"
    if policy.max_requests and requests >= policy.max_requests:
        return f"the canary has answered {requests:,} requests, at most {policy.max_requests:,} are allowed"
    return ""


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
