"""Settings of the severity of drift: legal values, and their way into the comparison."""

from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.settings.config import Config
from pipeline.settings.drift_plan import plan_of
from tests.projects import load_settings


def config(tmp_path: Path, table: str) -> Config:
    return load_settings(
        tmp_path,
        '[dataset]\nname = "loans"\ntask = "binary"\nlabel = "bad"\n'
        '[data]\ndirectory = "."\npattern = "{span}.csv"\n[features]\nnumeric = ["income"]\n'
        f"[evaluation.thresholds]\nauc = 0.5\n{table}",
    )


def test_levels_reach_the_comparison(tmp_path):
    loaded = config(tmp_path, "[drift.effect_sizes]\nmissing = 0.1\n[drift.severe_effect_sizes]\nmissing = 0.5\n")
    assert plan_of(loaded, {}).rules.levels("income", "missing")[:2] == (0.1, 0.5)
    assert loaded.gate.drift_severity == "moderate"


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (
            "[drift.severe_effect_sizes]\nmising = 0.5\n",
            "severe_effect_sizes: unknown measure mising; legal: chebyshev, ",
        ),
        ("[drift.severe_effect_sizes]\nmissing = 0.01\n", "missing = 0.01 is below 0.05, from which drift of this "),
        ('[gate]\ndrift_severity = "bad"\n', "drift_severity"),
    ],
)
def test_a_wrong_level_is_refused(tmp_path, table, complaint):
    with pytest.raises(ConfigError, match=complaint):
        config(tmp_path, table)
