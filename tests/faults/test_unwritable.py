"""Unwritable root, output files and standard output."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.invariants import assert_ending, assert_root, files_below
from tests.faults.recovery import SPAN_AFTER, assert_recovers, prepared
from tests.faults.trials import Trials
from tests.faults.workplace import DATASET, PROJECT, Ended, Workplace

PARTS = ["*", "orders/registry*", "orders/reports*", "orders/cache*", "orders/metadata.sqlite*", "orders/artifacts*"]


@pytest.mark.kind("places that cannot be written")
@pytest.mark.parametrize(
    ("state", "part", "code"),
    [
        pytest.param("two", "*", errno.EROFS, id="root, cached run"),
        *(
            pytest.param(state, part, code, id=f"{part}, {state}, {errno.errorcode[code]}", marks=pytest.mark.faults)
            for state in ("one", "two")
            for part in PARTS
            for code in (errno.EROFS, errno.EACCES)
            if (part, code) != ("*", errno.EACCES)
        ),
    ],
)
def test_a_root_that_cannot_be_written(place: Workplace, trials: Trials, state: str, part: str, code: int) -> None:
    """Whoever may do everything is not kept out by a file's mode: the file layer refuses instead."""
    with trials.one(f"{state}: {part} refuses with errno {code}") as trial:
        before = prepared(place, state)
        ops = "open,write,rename,remove,mkdir,truncate"
        armed = place.layer.arm(place.root, at=1, on=1, do=code, like=part, ops=ops)
        ended = place.run(SPAN_AFTER[state], env=armed.environment)
        trial.happened = armed.fired
        assert_ending(ended, 0, 1, 2)
        if part == "*":
            assert ended.code == 2, ended
            assert str(place.root) in ended.err
        assert_root(place, before)
        assert_recovers(place, state, before)


def commands(place: Workplace) -> dict[str, list[str]]:
    """That print."""
    where = ["--dataset", DATASET, "--root", str(place.root)]
    return {
        "runs": ["runs", *where],
        "runs --json": ["runs", *where, "--json"],
        "lineage": ["lineage", *where, "live"],
        "gc": ["gc", *where],
        "drift": ["drift", "spans/span-1.csv", "spans/span-2.csv"],
        "run": list(place.run_arguments(SPAN_AFTER["two"])),
        "help": ["--help"],
    }


@pytest.mark.kind("places that cannot be written")
@pytest.mark.parametrize(
    "command",
    [
        "runs",
        *(pytest.param(name, marks=pytest.mark.faults) for name in commands(Workplace(Path(), None)) if name != "runs"),
    ],  # type: ignore[arg-type]
)
def test_output_that_cannot_be_written(place: Workplace, trials: Trials, command: str) -> None:
    """A full disk behind `>`: told in one line; nobody behind `|`: no error at all."""
    before = prepared(place, "two")
    arguments = [sys.executable, "-m", "pipeline.cli", *commands(place)[command]]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(place.outside[0])}
    with trials.one(f"{command} > /dev/full"), open("/dev/full", "w") as full:
        ended = subprocess.run(
            arguments, cwd=place.project, env=environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
        assert_ending(Ended(tuple(arguments[3:]), ended.returncode, "", ended.stderr, "none"), 1, 2)
        assert_root(place, before)
    with trials.one(f"{command} | nobody"):
        read, write = os.pipe()
        os.close(read)
        try:
            ended = subprocess.run(
                arguments, cwd=place.project, env=environment, stdout=write, stderr=subprocess.PIPE, text=True
            )
        finally:
            os.close(write)
        assert_ending(Ended(tuple(arguments[3:]), ended.returncode, "", ended.stderr, "none"), 0)
        assert_root(place, before)


@pytest.mark.kind("places that cannot be written")
@pytest.mark.parametrize(
    "command",
    [
        "runs --html",
        *(
            pytest.param(name, marks=pytest.mark.faults)
            for name in ("report", "audit --export", "drift --chart", "compile", "init", "schema update", "export")
        ),
    ],
)
def test_a_file_that_cannot_be_written(place: Workplace, trials: Trials, command: str) -> None:
    """Each command that writes a file somewhere."""
    where = ["--dataset", DATASET, "--root", str(place.root)]
    nowhere = str(place.project / "spans" / "span-1.csv" / "out")  # a file where a folder would have to be
    arguments = {
        "runs --html": ["runs", *where, "--html"],
        "report": ["report", *where],
        "audit --export": ["audit", "spans/span-1.csv", "--label", "late", "--export", f"{nowhere}.csv"],
        "drift --chart": ["drift", *where, "--history", "--chart", f"{nowhere}.svg"],
        "compile": ["compile", "--dataset", DATASET, "--image", "x", "--root", "s3://b/r", "-o", f"{nowhere}.yaml"],
        "init": ["init", "--data", "spans", "--label", "late", "--name", "other"],
        "schema update": ["schema", "update", *where, "--accept", "all"],
        "export": ["export", "mlflow", *where, "--tracking-uri", f"file://{nowhere}"],
    }[command]
    with trials.one(command) as trial:
        before = prepared(place, "two")
        old = files_below(place.schemas)
        if command == "schema update":
            schema = place.settings.with_name("schema.pbtxt")
            schema.write_text(schema.read_text().replace('"north"', '"nord"', 1))
            old = files_below(place.schemas)
        armed = place.layer.arm(place.folder, at=1, on=1, do=errno.EROFS, ops="open,write,rename,mkdir,remove")
        ended = place.plumbline(*arguments, env=armed.environment)
        trial.happened = ended.code != 0 or armed.fired
        assert_ending(ended, 1, 2)
        assert files_below(place.schemas) == old
        assert_root(place, before)
