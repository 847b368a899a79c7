"""Failures that a command survives, in a process of their own: pytest's handlers would take the log."""

import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys
from pathlib import Path
from pipeline.process.command_runner import run_command
from pipeline.process.console import redirect_output
from components.shared.failure_log import log_failure

def fails():
    try:
        raise OSError("no space\\nleft at s3://user:hunter2-secret@store")
    except OSError:
        log_failure(logging.getLogger("pipeline.x"), "the record could not be written")

def command():
    fails()
    with redirect_output(Path(sys.argv[1])):
        fails()
    fails()
    return 0

sys.exit(run_command(command, debug=sys.argv[2] == "debug"))
"""
LINE = "plumbline: the record could not be written (no space left at s3://***@store)"


@pytest.mark.parametrize("debug", [False, True])
def test_one_line_on_the_terminal_and_the_traceback_in_the_log(tmp_path, debug):
    log = tmp_path / "run.log"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(log), "debug" if debug else ""], capture_output=True, text=True, check=True
    )
    lines = ran.stderr.splitlines()
    assert lines.count(LINE) == 2
    assert ran.stderr.count("Traceback") == (2 if debug else 0)
    assert debug or lines == [LINE, LINE]
    logged = log.read_text()
    assert "hunter2" not in ran.stderr + logged
    assert logged.startswith(f"{LINE}\nTraceback (most recent call last)") and logged.count("Traceback") == 1
