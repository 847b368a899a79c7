"""`plumbline demo` from beginning to end, on all flights: minutes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.registry.registry import Registry
from monitor.store import MonitorStore

CHECKOUT = Path(__file__).parents[3]


@pytest.mark.long
@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_every_stage_does_what_it_should(tmp_path):
    shutil.copytree(CHECKOUT / "schemas", tmp_path / "schemas")
    before = (tmp_path / "schemas" / "flights" / "pipeline.toml").read_bytes()
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "demo"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert ended.returncode == 0, ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "schemas"]
    assert (tmp_path / "schemas" / "flights" / "pipeline.toml").read_bytes() == before
    assert ended.stderr.isascii() and "\x1b" not in ended.stderr
    home = tmp_path / "build" / "demo" / "runs" / "flights"
    assert Registry(home / "registry").labels().live == 3
    with MonitorStore(home / "monitor", read_only=True) as store:
        (incident,) = store.incidents()
        (retraining,) = store.retrainings()
        assert sum(window.rows for window in store.windows()) > 100_000
    assert "2013-12-01" < incident.opened[:10] < "2013-12-25"
    assert retraining["state"] == "promoted" and retraining["trigger"] == f"incident {incident.number}"
    actions = [json.loads(line) for line in (home / "canary" / "journal.jsonl").read_text().splitlines()]
    ends = {(one["version"], one["action"]) for one in actions if one["action"] in ("promote", "rollback")}
    assert ends == {(2, "rollback"), (3, "promote")}
    for text in ("version 1 ", "version 2 ", "version 3 ", "incident 1 ", "dashboard "):
        assert f"  {text}" in ended.stdout
