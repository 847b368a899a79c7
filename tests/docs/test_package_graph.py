"""The picture of the packages: what the code imports, and current."""

import re
from pathlib import Path

import pytest

from docs.reference import package_graph
from docs.reference.package_graph import PACKAGES, ROOT, imports, package_of, picture, steps


def test_the_committed_picture_is_current():
    assert (ROOT / "docs" / "packages.svg").read_text(encoding="utf-8") == picture(), "run `make reference`"


def test_every_path_exists():
    assert all((ROOT / path).exists() for path in PACKAGES)


def test_a_module_belongs_to_its_longest_path():
    assert package_of("serving/request_log/layout") == "serving/request_log"
    assert package_of("serving/service") == "serving"
    assert package_of("pipeline/dag") == "pipeline/dag.py"
    assert package_of("pipeline/demo/project") is None
    assert package_of("components/registry/registry") == package_of("components/model_card")


def test_imports_are_read_from_the_code(tmp_path: Path):
    (tmp_path / "serving" / "request_log").mkdir(parents=True)
    for name in ("pipeline/cli", "monitor", "components/shared"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "monitor" / "a.py").write_text("def late():\n    import serving.request_log.reading\n    import json\n")
    (tmp_path / "pipeline" / "cli" / "b.py").write_text("from pipeline import dag\nfrom monitor.a import late\n")
    assert imports(tmp_path) == {
        ("monitor", "serving/request_log"),
        ("pipeline/cli", "pipeline/dag.py"),
        ("pipeline/cli", "monitor"),
    }


def test_importers_are_above_and_a_circle_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package_graph, "PACKAGES", {name: (name, "") for name in "abc"})
    found = steps({("c", "a"), ("a", "b"), ("c", "b")})
    assert [(step.id, step.inputs) for step in found] == [("c", ()), ("a", ("c",)), ("b", ("a", "c"))]
    with pytest.raises(ValueError, match="circle: a, b"):
        steps({("a", "b"), ("b", "a")})


def test_no_page_needs_a_script_for_its_pictures():
    """Material for MkDocs would load Mermaid's script from a CDN."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "components").rglob("*.md")]
    assert not [str(page) for page in pages if re.search(r"^\s*```mermaid", page.read_text("utf-8"), re.MULTILINE)]
