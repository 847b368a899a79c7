"""Result of a measure: a distance between two samples, with its p-value and critical values."""

from collections.abc import Callable
from dataclasses import dataclass, field


def _unknown(_: float) -> float | None:
    return None


@dataclass(frozen=True)
class DistanceResult:
    """A measured distance.

    Attributes:
      measure: Name of the measure, see registry.py.
      distance: In [0, 1]; 0 = identical.
      at: Value or point where the distance is attained; None if there is none.
      baseline_share: Share of the baseline values or rows there, in [0, 1].
      current_share: Share of the current values or rows there, in [0, 1].
      p_value: Upper bound of the probability that two samples of these sizes from one distribution have a distance at
        least as large; None where the null distribution is unknown.
      critical: Significance level -> critical value of the distance at these sample sizes; it returns None where the
        null distribution is unknown.
      detail: Description of the change in one line for the user.
      corrected: The distance without the part that is due to the sample sizes, in [0, 1], where the measure has an
        estimator of its own; None: see severity.corrected_distance.
    """

    measure: str
    distance: float
    at: str | float | None = None
    baseline_share: float | None = None
    current_share: float | None = None
    p_value: float | None = None
    critical: Callable[[float], float | None] = field(default=_unknown, compare=False, repr=False)
    detail: str = ""
    corrected: float | None = None
