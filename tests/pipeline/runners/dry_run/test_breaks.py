"""Every way in which a task breaks, provoked: the message names the task and the cause, and a second run goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import UsageError
from tests.pipeline.runners.dry_run.pipelines import MAKE, USE, N, Shell, document, task, write

PROJECT = Path(__file__).parents[4]
READ = ("{{$.inputs.artifacts['words'].path}}",)
WRITE = ("{{$.outputs.artifacts['words'].path}}",)


def _fixed(shell: Shell, tasks: dict[str, Any], given: dict[str, Any] | None = None) -> None:
    """A second run with the cause removed keeps what was done and does the rest."""
    first, *rest = tasks
    assert shell.states(tasks, given) == {first: "kept", **dict.fromkeys(rest, "done")}


def test_missing_input(shell: Shell) -> None:
    """Somebody empties the bucket while the pipeline is under way."""
    lost = task(f"rm -r {shell.storage}/s3/bucket", dependentTasks=["make"])
    tasks = {"make": MAKE, "lost": lost, "use": {**USE, "task": {**USE["task"], "dependentTasks": ["lost"]}}}
    says = shell.fails(tasks, N)
    assert says.startswith(
        "task use: input artifact words, made by make, is missing: 0 of 1 files at s3://bucket/root/shell/"
    )
    tasks["lost"] = task("true", dependentTasks=["make"])
    assert shell.states(tasks, N) == {"make": "done", "lost": "done", "use": "done"}


def test_missing_import(shell: Shell) -> None:
    imports = task("", makes=("words",))
    imports["executor"] = {"importer": {"artifactUri": {"constant": "gs://other/data"}}}
    assert shell.fails({"make": imports}) == ("task make: imported artifact is missing: no files at gs://other/data")


def test_non_zero_exit(shell: Shell) -> None:
    broken = task(
        "echo fine; echo 'ValueError: no rows left' >&2; echo '  at the end'; exit 7", dependentTasks=["make"]
    )
    report, failure = shell.run({"make": MAKE, "use": broken}, N)
    log = shell.work / "logs" / "use.log"
    assert str(failure) == f"task use: exit code 7: ValueError: no rows left; log: {log}"
    assert failure is not None
    assert failure.exit_code == 1
    assert [step.state for step in report.steps] == ["done", "failed"]
    assert "at the end" in log.read_text()
    _fixed(shell, {"make": MAKE, "use": USE}, N)


@pytest.mark.parametrize(("code", "expected"), [(3, 3), (2, 2), (1, 1), (137, 1)])
def test_exit_code_of_gate_and_of_bad_input_is_handed_on(shell: Shell, code: int, expected: int) -> None:
    _, failure = shell.run({"make": task(f"exit {code}")})
    assert failure is not None
    assert failure.exit_code == expected


def test_no_such_program(shell: Shell) -> None:
    says = shell.fails({"make": task("", container={"command": ["no-such-program"]})})
    assert says.startswith("task make: no-such-program cannot be run (No such file or directory); log: ")


def test_lost_output_file(shell: Shell) -> None:
    broken = task("true", *WRITE, makes=("words",), dependentTasks=["make"])
    says = shell.fails({"make": MAKE, "more": broken}, N)
    assert says.startswith("task more: output artifact words was not written (expected at ")
    _fixed(shell, {"make": MAKE, "more": task('echo > "$0"', *WRITE, makes=("words",), dependentTasks=["make"])}, N)


def test_lost_output_parameter(shell: Shell) -> None:
    says = shell.fails({"make": task("true", says={"count": "NUMBER_INTEGER"})})
    assert says.startswith("task make: output parameter count was not written; log: ")


def test_output_parameter_of_another_type(shell: Shell) -> None:
    broken = task("echo many > $0", "{{$.outputs.parameters['count'].output_file}}", says={"count": "NUMBER_INTEGER"})
    assert "output parameter count: expected NUMBER_INTEGER, got 'many'" in shell.fails({"make": broken})


SAY = """
f="$(printf %s "$0" | sed 's/.*"outputFile": "\\([^"]*\\)"}}$/\\1/')"; mkdir -p "$(dirname "$f")"
echo x > "$1"; printf '%s' "$2" > "$f"
"""


def _says(text: str) -> dict[str, Any]:
    return task(SAY, "{{$}}", *WRITE, text, makes=("words",))


@pytest.mark.parametrize("text", ["{", '{"artifacts": []}', '{"artefacts": {}}', "\udcff"])
def test_malformed_executor_output(shell: Shell, text: str) -> None:
    if text == "\udcff":
        text = "$(printf '\\377')"
    says = shell.fails({"make": _says(text)})
    assert says.startswith("task make: executor output output_metadata.json is malformed (")
    assert shell.states({"make": _says("{}")}) == {"make": "done"}


def test_executor_output_with_a_path_for_a_uri(shell: Shell) -> None:
    says = shell.fails({"make": _says('{"artifacts": {"words": {"artifacts": [{"uri": "/s3/bucket/words"}]}}}')})
    assert "its URI was changed to /s3/bucket/words, which is not uploaded" in says


def test_retries_are_used_up(shell: Shell) -> None:
    report, failure = shell.run(
        {"make": task("echo x; exit 1", retryPolicy={"maxRetryCount": 2, "backoffMaxDuration": "60s"})}
    )
    assert failure is not None
    assert report.steps[0].attempts == 3
    assert (shell.work / "logs" / "make.log").read_text().count("\nx\n") == 3


@pytest.mark.parametrize("root", ["s3://bucket/root", "plain"])
def test_what_a_retry_left_is_not_kept(shell: Shell, root: str) -> None:
    """Half an artifact of the first attempt is gone when the second one starts."""
    where = str(shell.folder / root) if root == "plain" else root
    once = f'mkdir "$0"; echo x > "$0/part-$$"; test -e {shell.folder}/once || {{ touch {shell.folder}/once; exit 1; }}'
    report, failure = shell.run(
        {"make": task(once, *WRITE, makes=("words",), retryPolicy={"maxRetryCount": 1, "backoffMaxDuration": "60s"})},
        root=where,
    )
    assert failure is None
    assert report.outputs[0]["objects"] == 1


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(shell: Shell, full_disk: Path) -> None:
    """The artifact fits where the task writes it, not into the store."""
    big = task('mkdir "$0"; head -c 400000 /dev/zero > "$0/big"', *WRITE, makes=("words",))
    work = shell.folder / "work"
    says = shell.fails({"make": big}, storage=full_disk, work=work)
    assert says.startswith("task make: ")
    assert "No space left on device" in says
    assert shell.states(work=work, storage=shell.storage) == {"make": "done"}


def test_full_work_folder(shell: Shell, full_disk: Path) -> None:
    (full_disk / "filler").write_bytes(b"0" * (240 << 10))
    big = task('mkdir "$0"; head -c 400000 /dev/zero > "$0/big"', *WRITE, makes=("words",))
    says = shell.fails({"make": big}, work=full_disk / "work")
    assert says.startswith("task make: ")
    assert "No space left on device" in says


def test_work_folder_that_cannot_be_written(shell: Shell) -> None:
    (shell.folder / "file").touch()
    with pytest.raises(UsageError, match=r"file/work: cannot be written \(Not a directory\); --work names another"):
        shell.run({"make": MAKE}, N, work=shell.folder / "file" / "work")


SLOW = task(
    'mkdir "$0"; echo half > "$0/words.txt"; echo $$ > "$1"; while test -e "$2"; do sleep 0.05; done; '
    'echo whole > "$0/words.txt"',
    *WRITE,
    "{{$.inputs.parameters['pid']}}",
    "{{$.inputs.parameters['wait']}}",
    parameters={"pid": "<pid", "wait": "<wait"},
    makes=("words",),
    dependentTasks=["make"],
)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_killed_in_the_middle(shell: Shell) -> None:
    """kill -9 of the dry run while a task writes: no half artifact, no process left, and no second run beside it."""
    pid, wait = shell.folder / "pid", shell.folder / "wait"
    wait.touch()
    strings = {
        name: {"parameterType": "STRING", "defaultValue": str(path)} for name, path in (("pid", pid), ("wait", wait))
    }
    tasks = {"make": MAKE, "slow": SLOW, "use": task('grep whole "$0/words.txt"', *READ, takes={"words": "slow.words"})}
    write(shell.path, document(tasks, {**N, **strings}))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pipeline.cli",
            "dry-run",
            str(shell.path),
            "--no-image",
            "--storage",
            str(shell.storage),
        ],
        cwd=PROJECT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        with pytest.raises(UsageError, match=rf"a dry run is already under way there \(process {process.pid}\)"):
            shell.run()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    orphan = int(pid.read_text())
    assert _alive(orphan)
    wait.unlink()
    assert shell.states() == {"make": "kept", "slow": "done", "use": "done"}
    assert not _alive(orphan)
    executions = list((shell.storage / "s3" / "bucket" / "root" / "shell").glob("*/slow/*"))
    assert len(executions) == 1
    assert (executions[0] / "words" / "words.txt").read_text() == "whole\n"
    assert not list((shell.work / "local").iterdir())


def test_what_a_dead_execution_uploaded_is_removed(shell: Shell) -> None:
    """As if killed between upload and record: the record still says that the task was started."""
    report, _ = shell.run({"make": MAKE, "use": USE}, N)
    record = shell.work / "tasks" / "make.json"
    record.write_text(record.read_text().replace('"done"', '"started"'))
    assert shell.states() == {"make": "done", "use": "done"}
    uploaded = shell.storage / report.outputs[0]["uri"].replace("://", "/")
    assert not uploaded.exists()


@pytest.mark.parametrize(
    ("content", "said"), [("{", "cannot be read"), ('{"old": 1}', "was not written by this version")]
)
def test_damaged_record(shell: Shell, content: str, said: str) -> None:
    shell.run({"make": MAKE}, N)
    (shell.work / "tasks" / "make.json").write_text(content)
    says = shell.fails()
    assert f"make.json: {said}" in says
    assert "start again with --fresh" in says
    assert shell.states(fresh=True) == {"make": "done"}
