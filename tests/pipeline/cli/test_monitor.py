from pathlib import Path

import pytest

from monitor.incident import Incident
from monitor.store import MonitorStore
from pipeline.cli.command_line import main

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(CHECKOUT)
    (tmp_path / "flights").mkdir()
    return tmp_path


def test_without_a_request_log_the_command_says_who_writes_it(root: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["monitor", "--dataset", "flights", "--once", "--root", str(root)]) == 2
    assert "requests: there is no request log; `plumbline serve` writes it" in capsys.readouterr().err
    assert main(["monitor", "--dataset", "flights", "--interval", "0", "--root", str(root)]) == 2
    assert "--interval 0: must be above 0" in capsys.readouterr().err


def test_incidents_are_shown_and_acknowledged(root: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["incidents", "--dataset", "flights", "--root", str(root)]
    assert main(arguments) == 2
    assert "no window has been monitored yet" in capsys.readouterr().err
    with MonitorStore(root / "flights" / "monitor") as store:
        time = "2026-11-29T00:00:00+00:00"
        store.put_incident(Incident(1, "open", "severe", "wind_gust: \x1b[31mmissing", time, time, 3))
        store.put_incident(Incident(2, "closed", "moderate", "over", time, time, 3, closed=time))
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("  incident 1, severe, open: wind_gust: \\x1b[31mmissing")
    assert "incident 2" not in shown
    assert main([*arguments, "--acknowledge", "1"]) == 0
    assert "incident 1, severe, acknowledged" in capsys.readouterr().out
    assert main([*arguments, "--acknowledge", "7"]) == 2
    assert "incident 7: is not open; open: 1" in capsys.readouterr().err
    assert main([*arguments, "--all", "--json"]) == 0
    assert '"number": 2' in capsys.readouterr().out
