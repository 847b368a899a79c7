"""On a copy of the source, in a process of its own: what is edited must be what the process would import."""

import ast
import json
import shutil
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path

import pytest

from pipeline.fingerprints import code_fingerprint, code_of, imported, stack_versions
from pipeline.settings.config import find_config, load_config

HERE = Path(__file__).resolve().parents[2]
INGEST = "components.arrow_example_gen.component"
MODULES = {
    "ingest": INGEST,
    "drift": "components.drift_validator.component",
    "trainer": "components.trainer.training",
    "transform": "components.transform.preprocessing",
}
ASK = """
import json, sys
from pipeline.fingerprints import code_of
print(json.dumps({name: code_of(module) for name, module in json.loads(sys.argv[1]).items()}))
assert not {"tensorflow", "tfx"} & set(sys.modules)
"""


@pytest.fixture
def source(tmp_path) -> Path:
    for package in ("components", "pipeline"):
        shutil.copytree(HERE / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def ask(source: Path, modules: dict[str, str] = MODULES) -> dict[str, str]:
    command = [sys.executable, "-c", ASK, json.dumps(modules)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def edit(source: Path, name: str) -> None:
    path = source / name
    path.write_text(path.read_text() + "\n# edited\n")


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("components/arrow_example_gen/component.py", {"ingest"}),
        ("components/table_reading/readers.py", {"ingest"}),  # imported by it
        ("components/table_reading/spans.py", {"ingest"}),  # imported by what it imports
        ("components/drift_validator/distances/chebyshev.py", {"drift"}),
        ("components/trainer/network_layers.py", {"trainer"}),
        ("components/registry/registry.py", set()),
        ("components/label_audit/consistency.py", set()),
        ("pipeline/run_history/run_summary.py", set()),
    ],
)
def test_an_edit_changes_what_imports_it_and_nothing_else(source, edited, changed):
    before = ask(source)
    edit(source, edited)
    after = ask(source)
    assert {name for name in MODULES if before[name] != after[name]} == changed


def test_the_same_source_elsewhere_is_the_same_and_so_is_a_file_beside_it(source):
    (source / "components" / "arrow_example_gen" / "notes.py").write_text("x = 1\n")
    assert ask(source) == {name: code_of(module) for name, module in MODULES.items()}


@pytest.mark.parametrize(
    "statement",
    [
        "import components.extra.idea",
        "import components.extra.idea as idea",
        "from components.extra import idea",
        "from components.extra.idea import x",
        "from ..extra import idea",
        "from ..extra.idea import x",
        "def later():\n    from components.extra import idea",
        "try:\n    import components.extra.idea\nexcept ImportError:\n    pass",
    ],
)
def test_however_a_module_is_imported_its_edit_is_noticed(source, statement):
    extra = source / "components" / "extra"
    extra.mkdir()
    (extra / "__init__.py").write_text("")
    (extra / "idea.py").write_text("x = 1\n")
    (source / "components" / "arrow_example_gen" / "probe.py").write_text(statement + "\n")
    probe = {"probe": "components.arrow_example_gen.probe"}
    before = ask(source, probe)
    edit(source, "components/extra/idea.py")
    assert ask(source, probe) != before


def test_modules_that_import_each_other_come_to_an_end(source):
    (source / "components" / "one.py").write_text("import components.two\n")
    (source / "components" / "two.py").write_text("import components.one\n")
    both = {"one": "components.one", "two": "components.two"}
    found = ask(source, both)
    assert found["one"] == found["two"]


def test_a_module_that_is_not_there_is_no_fingerprint():
    with pytest.raises(ValueError, match=r"components\.trainer\.trainnig is no module"):
        code_of("components.trainer.trainnig")


def test_the_order_of_modules_is_nothing_their_number_is():
    one, other = "components.shared.errors", "components.shared.statistics.threshold_criteria"
    assert code_of(one, other) == code_of(other, one) == code_of(one, other, one)
    assert code_of(one) != code_of(one, other)


def test_another_version_of_a_library_is_another_code(monkeypatch):
    before = code_of(INGEST)
    versions = {**stack_versions(), "pyarrow": "0.0"}
    monkeypatch.setattr("pipeline.fingerprints.stack_versions", lambda: versions)
    assert code_of(INGEST) != before


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("epochs = 3", "epochs = 5", True),
        ('"dewp", ', "", True),
        ("sched_dep = 1440", "sched_dep = 720", True),
        ('slices = [["origin"], ["carrier"]]', 'slices = [["origin"]]', False),
        ('drift = "warn"', 'drift = "block"', False),
        ('directory = "data/flights"', 'directory = "elsewhere"', False),
        ("# Will a flight", "# A comment. Will a flight", False),
    ],
)
def test_settings_that_make_the_model_are_in_it_and_those_that_judge_it_are_not(project, old, new, changes):
    path = find_config("flights")
    before = code_fingerprint(load_config(path))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert (code_fingerprint(load_config(path)) != before) == changes


def test_the_schema_is_in_it_and_its_folder_is_not(project):
    before = code_fingerprint(load_config(find_config("flights")))
    shutil.move("schemas", "elsewhere")
    moved = load_config(find_config("flights", Path("elsewhere")))
    assert code_fingerprint(moved) == before
    edit(project, "elsewhere/flights/schema.pbtxt")
    assert code_fingerprint(moved) != before


def test_imports_are_those_of_the_syntax_tree():
    """Every module of `components`, and forms that none of them has."""
    unusual = """
import components.a as a, components.b.c  # components.no
from .. import d as e
from .f import (  # components.no
    g,
    h as i,  # a comment
)
def late():
    from components import j; from components.k import l
    import numpy, components.m
    if j: import components.n
"""
    root = Path(__file__).parents[2]
    sources = {".".join(path.relative_to(root).parent.parts): [] for path in (root / "components").rglob("*.py")}
    for path in (root / "components").rglob("*.py"):
        sources[".".join(path.relative_to(root).parent.parts)].append(path.read_text())
    sources["components.x.y"] = [unusual]
    for package, texts in sources.items():
        for text in texts:
            assert imported(text, package) == _of_syntax_tree(text, package), (package, text[:200])


def _of_syntax_tree(source, package):
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] == "components"}
