"""CONTRIBUTING's first change works as it is written there; the files for editors and issues can be read."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
MODULE = "components.drift_validator.distances.zeros"


def blocks() -> list[str]:
    """The Python blocks of the page, in order, without their indentation."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.findall(r"^( *)```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def test_the_first_change_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Measure, registry entry and test of the page, on a copy of the registry; a table of zeros then drifts by it."""
    import components.drift_validator.distances as package
    from components.drift_validator.distances import column_distances, registry
    from tests.components.drift_validator.distributions import column, numbers

    measure, function, test = blocks()
    entry = re.search(
        r"^ +(Measure\(\"zeros\".*\)),$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert entry
    (tmp_path / "zeros.py").write_text(measure)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    scope = dict(vars(registry))
    exec(function, scope)  # noqa: S102 - the page's own code
    new = eval(entry[1], scope)  # noqa: S307
    monkeypatch.setattr(column_distances, "MEASURES", (*registry.MEASURES, new))
    try:
        tests: dict[str, object] = {}
        exec(test, tests)  # noqa: S102
        tests["test_the_share_of_zeros_is_compared"]()  # type: ignore[operator]
        found = {
            one.measure: one
            for one in column_distances.measure_column(
                column(numbers([0.0] * 50 + [1.5] * 50)), column(numbers([1.5] * 100))
            )
        }
        assert found["zeros"].distance == 0.5
        assert found["zeros"].p_value < 1e-9
    finally:
        sys.modules.pop(MODULE, None)
        if hasattr(package, "zeros"):
            delattr(package, "zeros")
        importlib.invalidate_caches()


def test_the_development_container_is_json_with_comments():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    settings = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert "make setup" in settings["postCreateCommand"]


@pytest.mark.parametrize("name", ["bug.yml", "idea.yml"])
def test_issue_templates_have_what_github_asks_for(name: str):
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / name).read_text(encoding="utf-8"))
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
