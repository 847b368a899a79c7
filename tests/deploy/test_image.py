"""Builds the image from deploy/Dockerfile without a registry, inspects it and runs it."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.built_image import TOLD

PROJECT = Path(__file__).parents[2]
SITE = "opt/plumbline/lib/python3.13/site-packages"
ANY_ID = 1234567
"""As OpenShift gives: in no /etc/passwd, in no group but 0."""

pytestmark = [pytest.mark.cluster]


def command(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, cwd=PROJECT, timeout=900, **options)


@pytest.fixture(scope="session")
def container(image_tag: str) -> Iterator[str]:
    made = command("buildah", "from", "--pull-never", image_tag)
    assert made.returncode == 0, made.stderr
    yield made.stdout.strip()
    command("buildah", "rm", made.stdout.strip())


@pytest.fixture(scope="session")
def root(container: str) -> Iterator[Path]:
    """Mounts the image's file system."""
    mounted = command("buildah", "mount", container)
    assert mounted.returncode == 0, mounted.stderr
    yield Path(mounted.stdout.strip())
    command("buildah", "umount", container)


@pytest.fixture(scope="session")
def config(image_tag: str) -> dict:
    return json.loads(command("buildah", "inspect", "--type", "image", image_tag).stdout)["OCIv1"]


def run(container: str, *words: str, user: str = "10001:0", options: tuple[str, ...] = ()):
    return command("buildah", "run", "--isolation", "chroot", "--user", user, *options, container, "--", *words)


def pins(lock: Path) -> dict[str, set[str]]:
    """Returns package -> versions that a lock file names, over all Python versions."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", lock.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# -- what is in it ------------------------------------------------------------------------------------------------


def test_packages_are_those_of_the_lock_and_the_lock_is_a_part_of_the_projects(container: str) -> None:
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
    listed = run(container, "env", "-u", "PYTHONPATH", "python", "-c", script)
    assert listed.returncode == 0, listed.stderr
    installed = dict(line.split("==") for line in listed.stdout.split())
    assert installed.pop("plumbline")
    lock = pins(PROJECT / "deploy/image/requirements.lock")
    assert {normal(name) for name in installed} <= {normal(name) for name in lock}
    by_name = {normal(name): versions for name, versions in lock.items()}
    assert {name: v for name, v in installed.items() if v not in by_name[normal(name)]} == {}
    # Nothing that the shipped commands need was left out, and nothing for developers came in.
    assert {"tfx", "tensorflow", "apache-beam", "kfp", "obstore", "scikit-learn", "uvloop", "duckdb"} <= {
        normal(n) for n in installed
    }
    assert not {"pip", "uv", "pytest", "ruff", "mypy", "playwright", "moto"} & set(installed)


@pytest.mark.parametrize("name", ["requirements.lock", "test-requirements.lock"])
def test_locks_of_the_image_hold_the_projects_versions_and_hashes(name: str) -> None:
    text = (PROJECT / "deploy/image" / name).read_text()
    everything = set((PROJECT / "requirements.lock").read_text().split("--hash=")[1:])
    whole = {part.split()[0] for part in everything}
    assert {part.split()[0] for part in text.split("--hash=")[1:]} <= whole, "run `make lock`"
    project = pins(PROJECT / "requirements.lock")
    assert {n: v for n, v in pins(PROJECT / "deploy/image" / name).items() if not v <= project.get(n, set())} == {}
    assert "://" not in text


def test_no_compiler_no_installer_no_headers_no_caches(root: Path) -> None:
    programs = {
        path.name for folder in ("usr/bin", "usr/local/bin", "opt/plumbline/bin") for path in (root / folder).iterdir()
    }
    assert not programs & {"cc", "c++", "gcc", "g++", "ld", "make", "pip", "pip3", "uv", "git", "python3-config"}
    assert not (root / "usr/include/python3.13").exists()
    assert not (root / SITE / "tensorflow/include").exists()
    for empty in ("var/lib/apt/lists", "var/cache/apt", "var/log", "home/plumbline", "tmp", "root/.cache"):
        folder = root / empty
        assert not folder.exists() or not list(folder.iterdir()), empty


def test_every_module_starts_from_bytecode_that_no_time_stamp_can_make_stale(root: Path) -> None:
    missing, checked = [], []
    for folder in ("app", "usr/lib/python3.13", SITE + "/tfx", SITE + "/tensorflow", SITE + "/apache_beam"):
        for source in (root / folder).rglob("*.py"):
            compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
            if not compiled.exists():
                missing.append(str(source.relative_to(root)))
            elif compiled.read_bytes()[4:8] != b"\x01\x00\x00\x00":  # PEP 552: by hash, not checked
                checked.append(str(compiled))
    assert checked == []
    assert [name for name in missing if name.startswith("app/")] == []
    assert len(missing) < 20, missing


def test_project_is_there_for_reading_and_nothing_else_of_the_repository(root: Path) -> None:
    assert {path.name for path in (root / "app").iterdir()} == {
        "LICENSE", "README.md", "components", "data", "monitor", "pipeline", "pyproject.toml", "schemas", "serving",
    }  # fmt: skip
    for path in [root / "app", *(root / "app").rglob("*"), *(root / "opt/plumbline/bin").iterdir()]:
        assert path.is_symlink() or (path.stat().st_uid == 0 and not path.stat().st_mode & 0o022), path
    for source in (root / "app").rglob("*.py"):
        assert source.read_bytes() == (PROJECT / source.relative_to(root / "app")).read_bytes()


def domains(text: str) -> set[str]:
    """Returns the domains of URLs; of a long host name the last two labels, so that mirrors match."""
    hosts = re.findall(r"://(?:[^/@\s]*@)?([^/:\s\"'<>)]+)", text)
    return {host if re.fullmatch(r"[\d.]+", host) else ".".join(host.split(".")[-2:]) for host in hosts}


def test_nothing_of_this_machine_stays_in_it(root: Path, config: dict, tmp_path: Path) -> None:
    asked = command("bash", "deploy/image/index.sh", str(tmp_path), env={**os.environ, "PIP_TRUSTED_HOST": TOLD})
    assert asked.returncode == 0, asked.stderr
    told = " ".join(path.read_text() for path in tmp_path.iterdir() if path.name != "index.crt")
    own = [Path("/etc/os-release"), *(PROJECT / ".venv").glob("lib/*/site-packages/*.dist-info/METADATA")]
    # What packages say of themselves is not this machine's.
    public = set().union(*(domains(path.read_text(errors="replace")) for path in own))
    hosts = domains(told) - public
    assert TOLD in told
    words = {*hosts, TOLD, str(PROJECT)}
    text = json.dumps(config)
    assert [word for word in words if word in text] == []
    options = [f"--regexp={word}" for word in sorted(words)]
    places = ["etc", "home", "root", "run", "tmp", "var", "app", "usr/local", "opt/plumbline/pyvenv.cfg"]
    paths = [root / place for place in places] + list((root / SITE).glob("*.dist-info"))
    grep = ["grep", "--recursive", "--files-with-matches", "--fixed-strings", "--devices=skip", *options]
    assert command(*grep, *map(str, paths)).stdout == ""
    assert command(*grep, str(tmp_path)).stdout != ""  # it finds them where they are
    assert list((root / "run").rglob("secrets/*")) == []


def test_configuration(config: dict) -> None:
    assert config["config"]["User"] == "10001:0"
    assert config["config"]["WorkingDir"] == "/app"
    assert config["config"]["Cmd"] == ["plumbline", "--help"]
    assert set(config["config"]["ExposedPorts"]) == {"8501/tcp"}
    assert len(config["rootfs"]["diff_ids"]) == len(set(config["rootfs"]["diff_ids"]))


# -- how it runs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["10001:0", f"{ANY_ID}:0", f"{ANY_ID}:{ANY_ID}", "0:0"])
def test_command_runs_as_any_user(container: str, user: str) -> None:
    helped = run(container, "plumbline", "--help", user=user)
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.startswith("usage: plumbline")
    script = (
        "import getpass, os, pathlib, sys, tempfile; home = pathlib.Path.home(); own = home / str(os.getuid());"
        "own.write_text('x'); own.unlink(); tempfile.TemporaryFile().close();"
        "print(getpass.getuser(), sys.prefix, home)"
    )
    seen = run(container, "python", "-c", script, user=user)
    assert seen.stdout.split() == ["plumbline", "/opt/plumbline", "/home/plumbline"], seen.stderr


def test_arguments_arrive_as_they_are_and_the_exit_code_comes_back(container: str) -> None:
    script = "import json, sys; print(json.dumps(sys.argv[1:])); sys.exit(3)"
    words = ['{"a": "b c"}', "$HOME", "", "ü '"]
    result = run(container, "python", "-c", script, *words)
    assert json.loads(result.stdout) == words
    assert result.returncode == 3


def test_project_cannot_be_changed_from_inside(container: str) -> None:
    written = run(container, "python", "-c", "open('/app/pipeline/cli/command_line.py', 'a')", user=f"{ANY_ID}:0")
    assert written.returncode == 1
    assert "PermissionError" in written.stderr


def test_a_user_error_is_one_line_and_code_2(container: str) -> None:
    result = run(container, "plumbline", "drift", "/no/such.csv", "/no/other.csv", user=f"{ANY_ID}:0")
    assert result.returncode == 2
    assert result.stderr.splitlines()[0].startswith("plumbline: ")


READ_ONLY = """
import os, pathlib, sys
from pipeline.process.environment import configure_environment
configure_environment()
import tensorflow as tf, tensorflow_data_validation, tensorflow_model_analysis, tfx.v1, apache_beam, keras, obstore, kfp
from pipeline.report import draw
assert float(tf.reduce_sum(tf.ones((3, 4)))) == 12.0
print(sorted(p.name for p in pathlib.Path('/home/plumbline').iterdir()))
"""


def test_the_stack_loads_with_a_read_only_root_and_writes_nothing_home(container: str) -> None:
    # What readOnlyRootFilesystem leaves a container is a mounted /tmp. HOME is then a folder nobody may write to: /.
    any_id = f"{ANY_ID}:{ANY_ID}"
    result = run(container, "env", "HOME=/", "python", "-c", READ_ONLY, user=any_id)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "part",
    [
        ("tests/components/arrow_example_gen", "tests/components/table_reading", "-m", "not e2e"),
        ("tests/components/drift_validator", "-m", "not e2e and not slow"),
        (
            "tests/pipeline/settings/test_config.py",
            "tests/pipeline/run_history/test_run_summary.py",
            "tests/components/shared/test_files.py",
        ),
        ("tests/serving/http/test_deployed.py", "tests/serving/request_log/test_reading.py"),
    ],
    ids=["reading and ingest, the component included", "drift", "settings", "model server and request log"],
)
def test_the_projects_tests_pass_inside(image_tag: str, part: tuple[str, ...]) -> None:
    ran = command(
        "bash", "deploy/image/test.sh", *part, env={**os.environ, "TAG": image_tag, "UID_IN_IMAGE": str(ANY_ID)}
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert re.search(r"\d+ passed", ran.stdout)
