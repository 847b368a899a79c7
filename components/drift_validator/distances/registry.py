"""Registry of the drift measures: name, default effect size and function. A new measure needs an entry and a module.

Settings (`[drift.effect_sizes]`), thresholds, report and documentation take names and effect sizes from this list.
The modules of the measures import SciPy and are imported on use only, because every command reads settings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.drift_validator.distances.distance_result import DistanceResult
    from components.drift_validator.distances.pair import Pair

Compute = Callable[["Pair"], "DistanceResult | None"]


@dataclass(frozen=True)
class Measure:
    """A drift measure.

    Attributes:
      name: Name in drift.json, reports and settings.
      effect_size: Default effect size, in [0, 1]; None for a measure that is computed only where the schema has a
        threshold for it.
      compute: Function of a pair of columns; it returns None where the measure does not apply. None for a measure of
        the whole table, see comparison.py.
      is_main: Whether a feature's threshold (`infinity_norm` in the schema) applies to the measure.
      moderate: Default corrected distance from which drift is moderate, in [0, 1]; see severity.py.
      severe: Default corrected distance from which drift is severe, at least `moderate`.
    """

    name: str
    effect_size: float | None
    compute: Compute | None
    is_main: bool = False
    moderate: float = 0.125
    severe: float = 0.25


def _kolmogorov_smirnov(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.kolmogorov_smirnov import kolmogorov_smirnov

    return kolmogorov_smirnov(pair.aligned_numbers) if pair.numbers else None


def _chebyshev(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.chebyshev import chebyshev

    return chebyshev(pair.aligned_categories) if pair.categories else None


def _total_variation(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.total_variation import total_variation

    # With two values total variation equals the Chebyshev distance.
    return total_variation(pair.aligned_categories) if pair.categories and pair.distinct > 2 else None


def _jensen_shannon(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.jensen_shannon import jensen_shannon_categories, jensen_shannon_numbers

    if not pair.with_jensen_shannon:
        return None
    if pair.numbers:
        return jensen_shannon_numbers(*pair.numbers)
    return jensen_shannon_categories(pair.aligned_categories) if pair.categories else None


def _missing(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.missing_rate import missing_rate

    return missing_rate(pair.baseline, pair.current)


def _unseen(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.new_values import new_categories

    return new_categories(pair.aligned_categories) if pair.has_named_values else None


def _vanished(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.new_values import missing_categories

    return missing_categories(pair.aligned_categories) if pair.has_named_values else None


def _out_of_range(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.new_values import out_of_range

    return out_of_range(*pair.numbers, pair.design_effect) if pair.numbers else None


def _range_lost(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.new_values import range_shrinkage

    return range_shrinkage(*pair.numbers, pair.design_effect) if pair.numbers else None


def _decimals(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.decimal_places import decimals

    return decimals(*pair.numbers, pair.design_effect) if pair.numbers else None


def _length(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.lengths import length

    return length(pair.baseline, pair.current)


def _text_length(pair: "Pair") -> "DistanceResult | None":
    from components.drift_validator.distances.lengths import text_length

    return text_length(*pair.categories, pair.design_effect) if pair.categories else None


MEASURES = (
    Measure("chebyshev", 0.01, _chebyshev, is_main=True),
    Measure("kolmogorov_smirnov", 0.01, _kolmogorov_smirnov, is_main=True),
    Measure("total_variation", 0.02, _total_variation),
    Measure("jensen_shannon", None, _jensen_shannon, moderate=0.02, severe=0.1),
    Measure("missing", 0.005, _missing, moderate=0.05),
    Measure("unseen", 0.001, _unseen, moderate=0.02),
    Measure("vanished", 0.001, _vanished, moderate=0.05),
    Measure("out_of_range", 0.0002, _out_of_range, moderate=0.05),
    Measure("range_lost", 0.0002, _range_lost, moderate=0.05),
    Measure("decimals", 0.01, _decimals),
    Measure("length", 0.01, _length),
    Measure("text_length", 0.01, _text_length),
    Measure("repeated", 0.001, None, moderate=0.01),  # duplicate rows and ids
    Measure("joint", 0.02, None, severe=0.5),  # the joint distribution of all columns
)
"""All measures in the order of computation. The default effect sizes are small, because sampling noise is handled by
the significance test. `moderate` and `severe` grade the drift, see severity.py for their reasons."""
