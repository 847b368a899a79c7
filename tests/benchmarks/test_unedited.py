"""What the benchmark of the unedited way says of a table, and of one on which a command fails."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import run_unedited_source as source
from benchmarks import unedited
from benchmarks.init_size import write_messy
from benchmarks.measured import attempt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_command_that_fails_and_one_that_takes_too_long(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('no such thing', file=sys.stderr); sys.exit(2)"
    failed = attempt([sys.executable, "-c", code], tmp_path)
    assert (failed.exit_code, failed.said, failed.stdout) == (2, "no such thing", "out\n")
    slow = attempt([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, limit=0.5)
    assert slow.exit_code == -15  # SIGTERM


def test_tables_are_named_once_and_legally() -> None:
    names = [table.name for table in source.TABLES]
    assert len(set(names)) == len(names) >= 10
    assert all(name.isidentifier() for name in names)  # they become names of datasets


def test_a_failure_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "t.csv").write_text("a,b\n1,2\n" * 30)
    found = {"source": "p/t", "label": "y", "about": "none"} | unedited.tried("t", "y", tmp_path, 60)
    assert found["init"]["exit_code"] == 2
    assert "--label y: no such column" in found["said"]
    assert unedited.result([found])["worked"] == 0
    assert unedited.line(found).startswith("| p/t: y (none) | not read |  | 2 |")


def test_a_table_in_one_line() -> None:
    step = {"exit_code": 0, "seconds": 10.4, "cpu_seconds": 8.0, "peak_mb": 1}
    found = {
        **{"source": "p/t", "label": "y", "about": "some", "rows": 1000, "columns": 3, "kinds": {"text": 1, "id": 2}},
        **{"init": step, "run": step, "metric": {"name": "auc", "model": 0.75, "dummy": 0.5}, "pushed": 1, "said": ""},
    }
    assert unedited.line(found) == (
        "| p/t: y (some) | 1,000 x 3 | 2 id, 1 text | 0, 0 | auc 0.75, dummy 0.5 | version 1 | 21 / 16 |"
    )
    found |= {"pushed": None, "said": "auc 0.4 is below 0.5"}
    assert "| not pushed: auc 0.4 is below 0.5 |" in unedited.line(found)


def test_the_messy_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from pipeline.cli import main

    monkeypatch.chdir(tmp_path)
    write_messy(tmp_path / "messy.csv", 3_000, 8)
    assert main(["init", "--data", "messy.csv", "--label", "left", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 3_000
    assert (found["encoding"], found["delimiter"], found["header_row"], found["skip_footer"]) == ("cp1252", ";", 2, 1)
    kinds = ["numeric", "numeric", "numeric", "date", "categorical", "categorical", "list", "text", "label"]
    assert [column["kind"] for column in found["columns"]] == kinds
