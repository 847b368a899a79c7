"""Processes that push, for tests of concurrent pushes and of killed processes."""

import subprocess
import sys
from pathlib import Path

PUSH = """
import sys
from pathlib import Path
from components.registry.registry import Registry
registry = Registry(Path(sys.argv[1]) if "://" not in sys.argv[1] else sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for folder in sys.argv[2:]:
    print(registry.push(Path(folder), {"run_id": folder}), flush=True)
"""


def pushing(location: Path | str, *models: Path) -> subprocess.Popen:
    """Starts a process that pushes when it receives a line."""
    command = [sys.executable, "-c", PUSH, str(location), *map(str, models)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen) -> None:
    """Lets the process push."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
