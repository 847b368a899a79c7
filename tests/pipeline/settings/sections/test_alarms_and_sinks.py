"""The tables [alarms] and [sinks]: defaults are the monitor's, impossible values are refused in one line."""

from datetime import datetime, timezone
from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from monitor.alarms.settings import AlarmSettings
from monitor.sinks.settings import SinkSettings
from pipeline.settings.config import Config
from pipeline.settings.sections.alarms import AlarmsSection
from pipeline.settings.sections.sinks import SinksSection
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
"""


def load(folder: Path, tables: str) -> Config:
    return load_settings(folder, TOML + tables)


def test_the_defaults_are_those_of_the_monitor():
    assert AlarmsSection().settings() == AlarmSettings()
    assert SinksSection().settings() == SinkSettings()


def test_maintenance_is_in_utc(tmp_path):
    tables = "[[alarms.maintenance]]\nstart = 2026-12-24T01:00:00+01:00\nend = 2026-12-27T00:00:00\n"
    (one,) = load(tmp_path, tables).alarms.settings().maintenance
    assert one.start == datetime(2026, 12, 24, tzinfo=timezone.utc)
    assert one.end == datetime(2026, 12, 27, tzinfo=timezone.utc)


def test_sinks(tmp_path):
    tables = """
[sinks]
json_lines = "incidents.jsonl"
[sinks.webhook.pager]
url = "https://pager.example/hook"
secret_variable = "PAGER_SECRET"
[sinks.email]
host = "localhost"
security = "none"
sender = "a@bank.example"
recipients = ["b@bank.example"]
"""
    found = load(tmp_path, tables).sinks.settings()
    assert found.json_lines == Path("incidents.jsonl")
    assert found.webhooks["pager"].secret.variable == "PAGER_SECRET"
    assert found.email is not None and found.email.recipients == ("b@bank.example",)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("[alarms]\nfalse_alarms_per_week = 0\n", "false_alarms_per_week"),
        ("[alarms]\nmax_history = 5\n", "max_history: 5: must be at least history"),
        ("[[alarms.maintenance]]\nstart = 2026-12-27T00:00:00Z\nend = 2026-12-24T00:00:00Z\n", "must be after the"),
        ('[sinks]\nprometheus = "metrics.txt"\n', "node_exporter reads files named"),
        ('[sinks.webhook.pager]\nurl = "ftp://pager.example"\n', "url"),
        ('[sinks.webhook.x]\nurl = "http://a/b"\nsecret_file = "k"\nsecret_variable = "K"\n', "only one of the two"),
        ('[sinks.email]\nhost = "mail"\n', "needs sender and recipients"),
        ('[sinks.email]\nsender = "a@b"\n', "host: missing"),
        ('[sinks.email]\nhost = "m"\nsender = "a@b"\nrecipients = ["c@d"]\nuser = "u"\n', "user: needs a password"),
        ('[sinks.email]\nhost = "m"\nsender = "a b"\nrecipients = ["c@d"]\n', "is no e-mail address"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, tables, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, tables)
