"""[error_analysis]: the same settings, defaults and all, as the component takes."""

import json

import pytest

from components.error_analysis.settings import ErrorAnalysisSettings
from components.shared.errors import ConfigError
from pipeline.settings.config import find_config, load_config
from pipeline.settings.sections.error_analysis import ErrorAnalysisSection


def test_defaults_are_the_components():
    told = json.dumps({"min_rows": 500, **ErrorAnalysisSection().model_dump()})
    assert ErrorAnalysisSettings.from_json(told) == ErrorAnalysisSettings() == ErrorAnalysisSettings.from_json("")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("bins = 1", "[error_analysis] bins: "),
        ("alpha = 0.0", "[error_analysis] alpha: "),
        ("slices = 3", "unknown key; did you mean max_slices? legal keys: bins,"),
    ],
)
def test_refused(project, setting, message):
    path = find_config("flights")
    path.write_text(path.read_text() + f"\n[error_analysis]\n{setting}\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert message in str(refused.value)
