import io

import pytest

from pipeline.process.terminal import coloured


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_gets_colours_and_a_file_does_not():
    assert coloured("failed", "red", Terminal()) == "\x1b[31mfailed\x1b[0m"
    assert coloured("failed", "red", io.StringIO()) == "failed"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_color_and_dumb_terminals_get_none(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert coloured("failed", "red", Terminal()) == "failed"


def test_an_empty_no_color_is_not_set_and_colours_can_be_forced_but_not_against_no_color(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[" in coloured("failed", "red", Terminal())
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert "\x1b[" in coloured("failed", "red", io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("failed", "red", io.StringIO()) == "failed"
