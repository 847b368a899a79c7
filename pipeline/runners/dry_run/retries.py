"""Retries of failed tasks (RetryPolicy, as argocompiler/container.go passes it to Argo)."""

from collections.abc import Iterator
from typing import Any

LONGEST = 2.0
"""Maximum wait of a dry run in seconds. Clusters need longer waits, to replace nodes."""


def waits(policy: dict[str, Any]) -> Iterator[float]:
    """Yields the seconds to wait before each retry.

    Args:
      policy: RetryPolicy of the task; {} means no retries. The wait grows by `backoffFactor`, up to LONGEST.
    """
    wait = _seconds(policy.get("backoffDuration", "0s"))
    for _ in range(int(policy.get("maxRetryCount", 0))):
        yield min(wait, LONGEST)
        wait *= float(policy.get("backoffFactor", 0)) or 1.0


def window(policy: dict[str, Any]) -> float:
    """Returns the seconds after the start of the first attempt in which retries may start.

    `backoffMaxDuration` becomes Argo's maxDuration, a limit for all attempts together, not for a single wait. If it is
    missing, KFP passes 0 to Argo: the task is not retried, independently of `maxRetryCount`.
    """
    return _seconds(policy.get("backoffMaxDuration", "0s"))


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))
