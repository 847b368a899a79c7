"""[audit] annotators: what is refused by the settings, and what by the schema."""

from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.preflight.data_check import check_schema
from pipeline.settings.config import Config
from tests.projects import load_settings

TOML = """
[dataset]
name = "loans"
label = "repaid"
task = "{task}"
id = ["loan"]
time = "asked"
[data]
directory = "data"
pattern = "span-{{span}}.csv"
[features]
numeric = ["amount"]
[audit]
annotators = {annotators}
"""

SCHEMA = """
feature {{ name: "loan" type: BYTES value_count {{ max: 1 }} }}
feature {{ name: "repaid" type: INT value_count {{ max: 1 }} }}
feature {{ name: "asked" type: INT value_count {{ max: 1 }} time_domain {{ integer_format: UNIX_DAYS }} }}
feature {{ name: "amount" type: FLOAT value_count {{ max: 1 }} }}
feature {{ name: "ann" type: INT value_count {{ max: 1 }} }}
feature {{ name: "ben" type: {ben} }}
"""


def load(folder: Path, annotators: str, task: str = "binary", ben: str = "BYTES value_count { max: 1 }") -> Config:
    return load_settings(folder, TOML.format(annotators=annotators, task=task), SCHEMA.format(ben=ben))


def test_annotators_are_columns_beside_the_features(tmp_path):
    config = load(tmp_path, '["ann", "ben"]')
    assert config.audit.annotators == ("ann", "ben")
    assert "ann" in check_schema(config)
    assert load(tmp_path, "[]").audit.annotators == ()


@pytest.mark.parametrize(
    ("annotators", "message"),
    [
        ('["ann"]', "annotators: ann is the only one"),
        ('["ann", "ben", "ann"]', "annotators: ann is given twice"),
        ('["ann", "repaid"]', r"\[audit\] annotators: repaid is the label"),
        ('["ann", "amount"]', r"\[audit\] annotators: amount is a feature"),
        ('["ann", "loan"]', r"\[audit\] annotators: loan is an id"),
        ('["ann", "asked"]', r"\[audit\] annotators: asked is the time"),
    ],
)
def test_illegal_columns_are_refused_in_one_line(tmp_path, annotators, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, annotators)


def test_a_regression_has_no_annotators(tmp_path):
    with pytest.raises(ConfigError, match=r"\[audit\] annotators: agreement compares classes"):
        load(tmp_path, '["ann", "ben"]', task="regression")


def test_annotators_are_in_the_schema(tmp_path):
    with pytest.raises(ConfigError, match=r"\[audit\] annotators: 'cid' is not in .*schema.pbtxt; available: loan, "):
        check_schema(load(tmp_path, '["ann", "cid"]'))


@pytest.mark.parametrize("ben", ["FLOAT value_count { max: 1 }", "BYTES value_count { max: 9 }"])
def test_annotators_give_classes(tmp_path, ben):
    with pytest.raises(ConfigError, match=r"\[audit\] annotators: 'ben' is .* has to be string or int64 or bool"):
        check_schema(load(tmp_path, '["ann", "ben"]', ben=ben))
