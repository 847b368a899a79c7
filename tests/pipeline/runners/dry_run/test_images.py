"""Tasks in an image of their own, made here of this machine's shell: no other file of the machine is in it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from components.shared.errors import UsageError
from tests.pipeline.runners.dry_run.pipelines import MAKE, USE, N, Shell, document, task, write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(which("buildah") is None, reason="buildah runs images, and is not installed"),
]

PROGRAMS = ("sh", "cat", "env", "id", "ls", "mkdir", "seq", "sleep", "touch", "wc")
IMAGE = "localhost/plumbline-dry-run-test"


def _buildah(*words: str) -> str:
    return subprocess.run(["buildah", *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """A shell and a few programs with the libraries that they need; user 1000."""
    container = _buildah("from", "scratch")
    try:
        files: set[str] = set()
        for program in PROGRAMS:
            path = which(program)
            assert path is not None
            files |= {path, *re.findall(r"(/\S+) \(0x", subprocess.check_output(["ldd", path], text=True))}
        for file in sorted(files):
            _buildah("copy", container, str(Path(file).resolve()), file)
        _buildah("config", "--env", "PATH=/usr/bin:/bin", "--user", "1000:1000", container)
        _buildah("commit", "--quiet", container, IMAGE)
    finally:
        _buildah("rm", container)
    yield IMAGE
    _buildah("rmi", IMAGE)


def _containers() -> set[str]:
    return {name for name in _buildah("containers", "--format", "{{.ContainerName}}").split() if "dry-run" in name}


def test_a_pipeline_in_an_image(shell: Shell, image: str) -> None:
    about = task('id -u; test ! -e "$0"; env', str(shell.folder), parameters={"n": 1}, dependentTasks=["use"])
    options = {"on_machine": False, "image": image, "env": ["SAID=it's 1"]}
    before = _containers()
    report, failure = shell.run({"make": MAKE, "use": USE, "zz": about}, N, **options)
    assert failure is None
    assert [step.state for step in report.steps] == ["done", "done", "done"]
    log = (shell.work / "logs" / "zz.log").read_text().splitlines()
    assert "1000" in log
    assert {"SAID=it's 1", "PLUMBLINE_MOUNT=/"} <= set(log)
    assert _containers() == before
    assert shell.states(**options) == {"make": "kept", "use": "kept", "zz": "kept"}


def test_a_plain_root_in_an_image(shell: Shell, image: str) -> None:
    """Only the inputs and the task's own folder are there."""
    root = shell.folder / "root"
    (root / "alien").mkdir(parents=True)
    alien = task('ls "$0"', str(root / "alien"), dependentTasks=["use"])
    options = {"on_machine": False, "image": image, "root": str(root), "storage": None}
    says = shell.fails({"make": MAKE, "use": USE, "zz": alien}, N, **options)
    assert says.startswith("task zz: exit code ")
    assert "No such file or directory" in says


@pytest.mark.parametrize("root", ["plain", "s3://bucket/root"])
def test_what_a_task_keeps_beside_its_execution(shell: Shell, image: str, root: str) -> None:
    """As the Tuner keeps its trials; the next attempt finds it where the folder is not a container's own."""
    where = str(shell.folder / root) if root == "plain" else root
    script = (
        'mkdir "$0"; cd "${0%/*}/.."; touch it; ls kept || { mkdir kept; touch kept/trial; exit 1; }; cat it >"$0/it"'
    )
    again = task(
        script, "{{$.outputs.artifacts['words'].path}}", makes=("words",),
        retryPolicy={"maxRetryCount": 1, "backoffMaxDuration": "60s"},
    )  # fmt: skip
    report, failure = shell.run({"make": again}, on_machine=False, image=image, root=where)
    assert (failure is None) is (root == "plain"), failure
    assert report.steps[0].attempts == 2
    assert "Permission denied" not in (shell.work / "logs" / "make.log").read_text()


def test_a_folder_given_to_an_image(shell: Shell, image: str) -> None:
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "x").write_text("given")
    options = {"on_machine": False, "image": image, "volumes": [f"{shell.folder}/data:/data:ro"]}
    assert shell.states({"make": task("cat /data/x")}, **options) == {"make": "done"}
    assert (shell.work / "logs" / "make.log").read_text().endswith("given")
    assert shell.fails({"make": task("touch /data/y")}, **options).startswith("task make: exit code 1: touch: ")


def test_image_that_is_not_there(shell: Shell) -> None:
    """Said before the tasks before it have run."""
    tasks = {"make": MAKE, "use": USE}
    tasks["use"]["executor"]["container"]["image"] = "any"
    report, failure = shell.run(tasks, N, on_machine=False, image="localhost/no-such-image")
    assert str(failure).startswith("task make: image localhost/no-such-image is not on this machine")
    assert report.steps == []


def test_the_specs_own_images(shell: Shell, image: str) -> None:
    tasks = {"make": task("true", container={"image": image}), "use": task("true", container={"image": "no/such"})}
    assert "task use: image no/such is not on this machine" in shell.fails(tasks, on_machine=False)


def test_a_container_that_outlived_a_killed_run_is_removed(shell: Shell, image: str) -> None:
    from pipeline.runners.dry_run.launch import InImage

    launcher = InImage(shell.work / "running.json", shell.work)
    name = f"{launcher._prefix}make"
    _buildah("from", "--pull-never", "--name", name, image)
    shell.work.mkdir(parents=True)
    assert shell.states({"make": task("true")}, on_machine=False, image=image) == {"make": "done"}
    assert name not in _containers()


def test_volume_that_is_not_there(shell: Shell) -> None:
    write(shell.path, document({"make": task("true")}))
    with pytest.raises(UsageError, match="--volume /no/such:/data: /no/such is no folder"):
        shell.run(volumes=["/no/such:/data"])
