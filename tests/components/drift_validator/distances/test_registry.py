"""Settings, thresholds and documentation agree with the registry of measures."""

import re
import subprocess
import sys
from pathlib import Path

from components.drift_validator.distances.registry import MEASURES
from components.drift_validator.thresholds import EFFECTS, MAIN

README = Path(__file__).parents[4] / "components" / "drift_validator" / "README.md"


def test_names_are_unique_and_effect_sizes_are_distances():
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    assert all(0 < measure.effect_size <= 1 for measure in MEASURES if measure.effect_size is not None)


def test_thresholds_use_names_and_effect_sizes_of_the_registry():
    assert EFFECTS["out_of_range"] == 0.0002
    assert set(EFFECTS) == {measure.name for measure in MEASURES} - {"jensen_shannon"}
    assert {"chebyshev", "kolmogorov_smirnov"} == MAIN


def test_readme_describes_every_measure_and_its_effect_size():
    text = README.read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| ((?:`\w+`(?:, )?)+) \|", text.partition("## Measures")[2].partition("\n## ")[0], re.MULTILINE
    )
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert described == {measure.name for measure in MEASURES}
    defaults = text.partition("Default effects: ")[2].partition(".\n\n")[0]
    told = {
        name: float(part.split()[0]) for part in re.split(r"[;]\s*", defaults) for name in re.findall(r"`(\w+)`", part)
    }
    assert told == EFFECTS


def test_import_does_not_load_scipy():
    """Every command reads settings, and settings check the names of measures."""
    code = "import sys, components.drift_validator.distances.registry; print('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
