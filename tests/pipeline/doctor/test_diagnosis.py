"""`plumbline doctor` as a process: exit codes, JSON, text; without TensorFlow, read-only, and killed in the middle."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.doctor.diagnosis import diagnose
from pipeline.doctor.finding import DoctorOptions

HERE = Path(__file__).resolve().parents[3]


def _doctor(
    *arguments: str, path: str = "", input_: str = "-m", what: str = "pipeline.cli"
) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (path, str(HERE)))), "COLUMNS": "100"}
    command = [sys.executable, input_, what, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_nothing_wrong(runs):
    done = _doctor("doctor", "--quick", "--dataset", "flights")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "No errors, no warnings."
    assert "registry     ok                    2 versions (live 2, previous 1)" in done.stdout
    assert done.stderr == ""


def test_errors_and_their_repair(runs):
    runs.metadata.write_bytes(b"")
    done = _doctor("doctor", "--quick", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["errors"] == 1
    (finding,) = (one for one in found["findings"] if one["severity"] == "error")
    assert finding["where"] == str(runs.metadata)
    assert (finding["check"], finding["dataset"], finding["what"]) == ("metadata", "flights", "is empty (0 bytes)")
    assert finding["repairable"]

    done = _doctor("doctor", "--quick", "--repair")
    assert done.returncode == 0, done.stdout
    said = done.stderr.splitlines()
    assert said[0].startswith(f"repaired: {runs.metadata}: created anew with 2 runs from summaries")
    assert "Replaced files are kept in runs/flights/backups/repair-" in done.stdout
    assert _doctor("doctor", "--quick").returncode == 0
    assert _doctor("runs", "--dataset", "flights").returncode == 0
    lineage = _doctor("lineage", "live", "--dataset", "flights")
    assert (lineage.returncode, "its steps were lost" in lineage.stderr) == (2, True)


def test_lines_are_no_longer_than_the_terminal(runs):
    (runs.registry.folder / "1" / "saved_model.pb").write_bytes(b"x")
    lines = _doctor("doctor").stdout.splitlines()
    assert any("saved_model.pb: differs from the pushed file" in line for line in lines)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--dataset", "flight"], "flight: neither schemas/ nor"), (["--quick", "--digests"], "not allowed with")],
)
def test_wrong_calls(runs, arguments, says):
    done = _doctor("doctor", *arguments)
    assert done.returncode == 2
    assert says in done.stderr


def test_where_tensorflow_cannot_be_imported(runs, tmp_path):
    (tmp_path / "broken" / "tensorflow").mkdir(parents=True)
    (tmp_path / "broken" / "tensorflow" / "__init__.py").write_text("raise ImportError('libcuda.so: no such file')")
    done = _doctor("doctor", "--json", path=str(tmp_path / "broken"))
    assert done.returncode == 1
    errors = [one for one in json.loads(done.stdout)["findings"] if one["severity"] == "error"]
    assert [(one["where"], one["what"]) for one in errors] == [
        ("tensorflow", "its import fails: ImportError: libcuda.so: no such file")
    ]


def test_settings_that_cannot_be_read(runs, project):
    settings = project / "schemas" / "flights" / "pipeline.toml"
    settings.write_text(settings.read_text().replace("window = ", "windw = "))
    ((check, severity, what),) = runs.found()
    assert (check, severity) == ("settings", "error")
    assert what.startswith("[data] windw: unknown key; did you mean window? legal keys:")


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
def test_on_a_root_that_cannot_be_written(runs, project):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "runs"
        shutil.copytree(runs.root, root)
        (root / "flights" / "metadata.sqlite").write_bytes(b"")
        Path(folder).chmod(0o755)
        os.seteuid(65534)
        try:
            found = diagnose(root, "flights", DoctorOptions(tensorflow=False))
        finally:
            os.seteuid(0)
    errors = [finding.what for one in found.checks for finding in one.findings if finding.severity == "error"]
    assert "cannot be written; runs are stored there" in errors
    assert "is empty (0 bytes)" in errors


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.doctor.diagnosis import repair
from pipeline.doctor.finding import DoctorOptions
calls = 0
def dying(real):
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call
for name in ("rename", "replace", "fsync", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
repair(Path(sys.argv[1]), "flights", DoctorOptions(tensorflow=False), print)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 30, 50])
def test_killed_in_the_middle(runs, number):
    """Whatever was there is still there, and another repair ends well."""
    (runs.registry.folder / "2" / "manifest.json").unlink()
    runs.metadata.write_bytes(runs.metadata.read_bytes()[:9000])
    before = {content for name, content in runs.files().items() if not name.endswith(("labels.json", ".json"))}
    done = _doctor(str(runs.root), str(number), input_="-c", what=KILLED)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert before <= set(runs.files().values())
    assert runs.repair().count("error") == 0
    assert before <= set(runs.files().values())
    assert runs.found() == []
