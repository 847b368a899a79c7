"""deploy/venv/bytecode.py compiles the modules of a run at set-up, but no tests, extras and unused clients."""

import os
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "venv" / "bytecode.py"


def add_distribution(site: Path, name: str, files: dict[str, str], requires: tuple[str, ...] = ()) -> None:
    """Writes an installed distribution as an installer does."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", "Provides-Extra: dev", "Provides-Extra: fast"]
    (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {text}" for text in requires)]) + "\n")
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    wants = ("Alpha_Lib[fast]>=1", "dev-tool; extra == 'dev'", "old; python_version < '3'", "google-genai")
    add_distribution(folder, "plumbline", {}, wants)
    add_distribution(
        folder,
        "alpha-lib",
        {
            "alpha/__init__.py": "x = 1\n",
            "alpha/testing.py": "",
            "alpha/tests/test_x.py": "",
            "alpha/core_test.py": "",
            "alpha/template.py": "def {{ name }}(: pass\n",
            "alpha/data.json": "{}",
        },
        ("beta", "gamma; extra == 'fast'", "plumbline"),
    )
    for name in ("beta", "gamma", "dev-tool", "old", "google-genai", "unrelated"):
        add_distribution(folder, name, {f"{name.replace('-', '_')}_module.py": "x = 1\n"})
    return folder


def has_bytecode(file: Path) -> bool:
    return Path(cache_from_source(str(file))).is_file()


def test_compiles_what_is_required_and_the_project(site: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "deploy" / "venv").mkdir(parents=True)
    shutil.copy(SCRIPT, clone / "deploy" / "venv")
    (clone / "pipeline" / "cli").mkdir(parents=True)
    (clone / "pipeline" / "cli" / "command_line.py").write_text("x = 1\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    result = subprocess.run(
        [sys.executable, clone / "deploy" / "venv" / "bytecode.py"],
        env={**environment, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    done = sorted(str(file.relative_to(site)) for file in site.rglob("*.py") if has_bytecode(file))
    assert done == ["alpha/__init__.py", "alpha/testing.py", "beta_module.py", "gamma_module.py"]
    assert has_bytecode(clone / "pipeline" / "cli" / "command_line.py")


def test_set_up_calls_it_whatever_the_environment_says() -> None:
    """PYTHONDONTWRITEBYTECODE applies to imports; compileall ignores it."""
    text = (SCRIPT.parent / "setup.sh").read_text()
    assert "deploy/venv/bytecode.py" in text
    assert "deploy/venv/*.py" in text  # a changed recipe makes .venv anew
