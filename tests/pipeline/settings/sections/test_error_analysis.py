"""[error_analysis]: the same settings, defaults and all, as the component takes."""

import json

import pytest

from components.error_analysis.settings import Settings
from components.shared.errors import ConfigError
from pipeline.settings.config import find_config, load_config
from pipeline.settings.sections.error_analysis import ErrorAnalysis


def test_defaults_are_the_components():
    told = json.dumps({"min_rows": 500, **ErrorAnalysis().model_dump()})
    assert Settings.from_json(told) == Settings() == Settings.from_json("")


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
