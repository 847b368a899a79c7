from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.settings.sections.request_log import RequestLogSection
from serving.request_log.settings import LogSettings
from tests.projects import load_settings

TOML = """
[dataset]
name = "loans"
label = "repaid"
[data]
directory = "data"
pattern = "span-{span}.csv"
[features]
categorical = ["purpose"]
numeric = ["amount"]
[request_log]
"""


def load(folder: Path, section: str):
    return load_settings(folder, TOML + section).request_log


def test_the_defaults_are_those_of_the_server():
    assert RequestLogSection().settings() == LogSettings()


def test_units(tmp_path: Path):
    found = load(tmp_path, "queue_mb = 2\nsegment_mb = 3\nkeep_gb = 0.5\n").settings()
    assert (found.queue_bytes, found.segment_bytes, found.keep_bytes) == (2 << 20, 3 << 20, 1 << 29)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('excluded = ["ammount"]', r"\[request_log\] excluded: ammount is not in \[features\]; did you mean amount\?"),
        ('excluded = ["amount"]\nhashed = ["amount"]\nhash_key_file = "k"', "amount is excluded and hashed"),
        ('hashed = ["amount"]', "needs a key; set either hash_key_file or hash_key_variable"),
        ('hashed = ["amount"]\nhash_key_file = "k"\nhash_key_variable = "K"', "set either"),
        ('hash_key_file = "k"', "a key of the hash without hashed features"),
        ("sample = 1.5", "sample"),
        ("every_seconds = 0.0", "every_seconds"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, section: str, message: str):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, section)
