"""Severities of a finding, in ascending order."""

from collections.abc import Iterable
from typing import Literal, get_args

Severity = Literal["negligible", "moderate", "severe"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""In ascending order."""


def worst(severities: Iterable[Severity]) -> Severity:
    """Returns the highest severity; "negligible" for none."""
    return max(severities, key=SEVERITIES.index, default="negligible")
