"""When a failed task is tried again (RetryPolicy, as argocompiler/container.go hands it to Argo)."""

from collections.abc import Iterator
from typing import Any

LONGEST = 2.0
"""Seconds that a dry run waits at most: a cluster's waits are for nodes that come and go, of which there are none."""


def waits(policy: dict[str, Any]) -> Iterator[float]:
    """Seconds to wait before each further attempt; one item an attempt.

    Args:
      policy: RetryPolicy of the task; {} means a single attempt. The wait grows by `backoffFactor`, and is cut at
        LONGEST.
    """
    wait = _seconds(policy.get("backoffDuration", "0s"))
    for _ in range(int(policy.get("maxRetryCount", 0))):
        yield min(wait, LONGEST)
        wait *= float(policy.get("backoffFactor", 0)) or 1.0


def window(policy: dict[str, Any]) -> float:
    """Seconds from the first attempt's start after which none begins any more.

    `backoffMaxDuration` becomes Argo's maxDuration, which limits all attempts together and no single wait. Where it is
    left out, KFP hands Argo 0: the task is never tried again, whatever `maxRetryCount` says.
    """
    return _seconds(policy.get("backoffMaxDuration", "0s"))


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))
