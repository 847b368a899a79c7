"""The Chebyshev distance between two distributions over categories."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Chebyshev:
    """The distance, the value that attains it, and that value's share on both sides."""

    distance: float
    value: str | None
    baseline_share: float
    current_share: float


def chebyshev(baseline: Mapping[str, float], current: Mapping[str, float]) -> Chebyshev:
    """d(p, q) = max over i of |p_i - q_i|, with p and q the shares of each value (L-infinity norm).

    Args:
      baseline: Value -> count. Counts are normalised here.
      current: The same for the other side.

    Returns:
      The distance: 0 = identical, 1 = each side has one value and they differ. A side without any count has share 0
      for every value; two such sides are identical. Among values that tie, the first in sorted order is named.
    """
    p, q = _shares(baseline), _shares(current)
    nothing = Fraction(0)
    farthest, at = nothing, None
    for value in sorted(p.keys() | q.keys()):
        distance = abs(p.get(value, nothing) - q.get(value, nothing))
        if distance > farthest:
            farthest, at = distance, value
    if at is None:
        return Chebyshev(0.0, None, 0.0, 0.0)
    return Chebyshev(float(farthest), at, float(p.get(at, nothing)), float(q.get(at, nothing)))


def _shares(counts: Mapping[str, float]) -> dict[str, Fraction]:
    """Exact, so that rounding neither breaks a tie (of two values both always tie) nor makes a distance of none."""
    exact = {value: Fraction(count) for value, count in counts.items()}
    total = sum(exact.values())
    return {value: count / total for value, count in exact.items()} if total else {}
