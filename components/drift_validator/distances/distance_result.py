"""One distance between two samples of one column, with what chance alone would make of it."""

from collections.abc import Callable
from dataclasses import dataclass, field


def _unknown(_: float) -> float | None:
    return None


@dataclass(frozen=True)
class Measured:
    """A measured distance.

    Attributes:
      measure: Its name in registry.py.
      distance: In [0, 1]; 0 = nothing differs.
      at: The value or point where the distance is attained, if there is one.
      baseline_share: Share of the baseline there (of its values, or of its rows: the measure says which), in [0, 1].
      current_share: The same for the current data.
      p_value: Probability, at most, that two samples of these sizes from one distribution are this far apart; None
        where no law is known.
      critical: Significance level -> the distance that chance alone exceeds with at most that probability, at these
        sample sizes; None where no law is known.
      detail: One line for a person; says `at` and both shares in the measure's own terms.
    """

    measure: str
    distance: float
    at: str | float | None = None
    baseline_share: float | None = None
    current_share: float | None = None
    p_value: float | None = None
    critical: Callable[[float], float | None] = field(default=_unknown, compare=False, repr=False)
    detail: str = ""
