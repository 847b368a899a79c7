"""Interrupted runs: each signal and kill -9 at several moments, and the state that the next run finds."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata.connection import connection_config
from tests.e2e.project import Project

RUN = ("run", "--dataset", "flights", "--span", "3")


def running(project: Project) -> list[str]:
    """Returns the names of executions in state RUNNING."""
    if not (project.home / "metadata.sqlite").exists():
        return []
    store = metadata_store.MetadataStore(connection_config(None, project.home / "metadata.sqlite"))
    return [one.name for one in store.get_executions() if one.last_known_state == mlmd.Execution.RUNNING]


def temporary(project: Project) -> list[Path]:
    return [
        *project.home.glob(".tmp/*"),
        *project.home.glob("artifacts/*/.system/executor_execution/*/.temp"),
        *project.home.rglob(".*.tmp"),
    ]


def below(pid: int) -> set[int]:
    """Returns the processes of the process group that was started for a run."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            found.add(int(entry.parent.name))
    return found


def stopped(project: Project, after: str, number: signal.Signals, system: Path) -> tuple[int, list[str], float, int]:
    """Starts a run and sends a signal after it printed `after`; returns exit code, stderr, seconds and process id.

    `system` is the system's temporary folder.
    """
    process = subprocess.Popen(
        project.command(*RUN),
        cwd=project.folder,
        env={**project.environment, "TMPDIR": str(system)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if after in line:
            break
    time.sleep(0.5)  # into what follows
    process.send_signal(number)
    began = time.monotonic()
    out, rest = process.communicate(timeout=60)
    assert out == ""
    return process.returncode, [*lines, *rest.splitlines()], time.monotonic() - began, process.pid


@pytest.mark.parametrize(
    ("after", "number", "code", "says"),
    [
        ("loading TensorFlow", signal.SIGTERM, 143, "ended by SIGTERM"),
        pytest.param("ImportSchemaGen", signal.SIGHUP, 129, "ended by SIGHUP", marks=pytest.mark.long),
        pytest.param("LabelAudit", signal.SIGTERM, 143, "ended by SIGTERM", marks=pytest.mark.long),  # in Transform
        ("Transform", signal.SIGHUP, 129, "ended by SIGHUP"),  # in Trainer
        pytest.param("Transform", signal.SIGINT, 130, "interrupted", marks=pytest.mark.long),
    ],
)
def test_a_signal_ends_a_run_cleanly(project, tmp_path, after, number, code, says):
    returned, lines, seconds, pid = stopped(project, after, number, tmp_path)
    assert returned == code
    assert lines[-1] == f"plumbline: {says}; completed steps are kept, run again to continue"
    assert "Traceback" not in "".join(lines)
    assert seconds < 10  # what is promised, not a timing: the watchdog ends the process after 8 s at the latest
    assert running(project) == []
    assert temporary(project) == []
    assert list(tmp_path.iterdir()) == []
    assert below(pid) == set()


def test_the_run_after_a_kill_marks_its_executions_and_removes_its_temporary_files(project, tmp_path):
    returned, _, _, _ = stopped(project, "Transform", signal.SIGKILL, tmp_path)
    assert returned == -signal.SIGKILL
    assert running(project)
    assert temporary(project)
    done = project.run("--span", "3")
    assert done.code == 0, done.err
    assert running(project) == []
    assert temporary(project) == []
    assert {"Transform", "ArrowExampleGen"} <= done.states("cached")
