"""RegistryPusher's executor, with a registry in a folder and one in a bucket."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.registry.registry import Registry
from components.shared.artifacts.integrity import describe
from components.shared.errors import DamagedArtifact
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server

pytestmark = pytest.mark.slow

ABOUT = (
    '{"dataset": "flüge", "label": "late", "task": "binary", "features": ["n"], "evaluation": {"min_slice_rows": 9}}'
)
VERDICT = {"metrics": {"auc": 0.75}, "slices": {}, "rows": {"train": 3, "eval": 4}}


@pytest.fixture(params=["folder", "bucket"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "registry")
    found: str = request.getfixturevalue("bucket").location
    return found


def artifact(kind: Any, folder: Path, **properties: str | int) -> list:
    """Creates an artifact of a type in a folder, with custom properties."""
    made = kind()
    made.uri = str(folder)
    for name, value in properties.items():
        set_property = made.set_int_custom_property if isinstance(value, int) else made.set_string_custom_property
        set_property(name, value)
    return [made]


def push(location: str, folder: Path, blessed: int, content: str = "", about: str = ABOUT, graph: str = "graph") -> Any:
    """Runs the executor; returns the artifact `pushed_model`. `content` is the recorded CONTENT of the model."""
    from tfx.types import standard_artifacts as kinds

    from components.pusher.component import RegistryPushExecutor
    from components.shared.artifacts.artifact_types import ErrorReport

    (folder / "model" / "Format-Serving").mkdir(parents=True)
    (folder / "model" / "Format-Serving" / "saved_model.pb").write_text(graph)
    (folder / "evaluation").mkdir()
    (folder / "evaluation" / "verdict.json").write_text(json.dumps(VERDICT))
    (folder / "errors").mkdir()
    (folder / "errors" / "errors.json").write_text(json.dumps({"says": "no slice is weak", "slices": []}))
    seen = {
        "data_fingerprint": "d",
        "spans": '{"train": [1], "eval": [2]}',
        "rows": '{"train": 3, "eval": 4, "extra": 2}',
    }
    inputs = {
        "model": artifact(kinds.Model, folder / "model", **({"content": content} if content else {})),
        "model_blessing": artifact(kinds.ModelBlessing, folder / "blessing", blessed=blessed),
        "evaluation": artifact(kinds.ModelEvaluation, folder / "evaluation"),
        "champion": artifact(kinds.Model, folder / "champion", version=0),
        "examples": artifact(kinds.Examples, folder / "examples", **seen),
        "errors": artifact(ErrorReport, folder / "errors"),
    }
    outputs = {"pushed_model": artifact(kinds.PushedModel, folder / "pushed")}
    properties = {"registry": location, "registry_id": "", "code_fingerprint": "c", "about": about}
    RegistryPushExecutor().Do(inputs, outputs, properties)
    return outputs["pushed_model"][0]


def test_blessed_model_is_pushed_and_its_location_recorded(location: str, tmp_path: Path) -> None:
    pushed = push(location, tmp_path, blessed=1)
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == "1"
    assert pushed.get_string_custom_property("pushed_destination") == f"{location}/1"
    registry = Registry(location)
    registry.verify(1)
    manifest = registry.manifest(1)
    assert list(manifest["files"]) == ["saved_model.pb"]
    assert (manifest["dataset"], manifest["metrics"], manifest["champion"]) == ("flüge", {"auc": 0.75}, None)
    assert manifest["fingerprints"] == {"data": "d", "code": "c"}
    assert (manifest["spans"], manifest["rows"]) == ({"train": [1], "eval": [2]}, {**VERDICT["rows"], "extra": 2})
    assert not {"features", "evaluation"} & manifest.keys()
    assert registry.labels().live == 1


def test_pushed_version_waits_if_the_settings_say_so(location: str, tmp_path: Path) -> None:
    waiting = json.dumps({**json.loads(ABOUT), "push": "none"})
    for number in (1, 2):
        push(location, tmp_path / str(number), blessed=1, about=waiting, graph=f"graph {number}")
    registry = Registry(location)
    assert (registry.versions(), registry.labels().live) == ([1, 2], 1)  # the first one has no predecessor to wait for
    assert "push" not in registry.manifest(2)


def test_damaged_model_is_not_pushed(location: str, tmp_path: Path) -> None:
    trained = tmp_path / "trained" / "Format-Serving"
    trained.mkdir(parents=True)
    (trained / "saved_model.pb").write_text("other")  # as many bytes
    content = describe(str(trained.parent)).content
    with pytest.raises(DamagedArtifact, match="has other bytes than were written; it is not what the Trainer wrote"):
        push(location, tmp_path, blessed=1, content=content)
    assert Registry(location).versions() == []


def test_version_has_its_card_and_does_not_change_when_pushed_again(location: str, tmp_path: Path) -> None:
    push(location, tmp_path / "one", blessed=1)
    registry = Registry(location)
    registry.fetch(1, tmp_path / "fetched")
    cards = [(tmp_path / "fetched" / name).read_text(encoding="utf-8") for name in ("model_card.md", "model_card.html")]
    for card in cards:
        assert "flüge" in card
        assert "0.7500" in card
        assert "No slice is weak." in card
    assert list(registry.manifest(1)["files"]) == ["saved_model.pb"]
    registry.verify(1)
    # The same model, evaluated again, is already a version and keeps its card.
    pushed = push(location, tmp_path / "two", blessed=1)
    assert pushed.get_string_custom_property("pushed_version") == "1"
    assert registry.versions() == [1]


def test_model_without_blessing_is_not_pushed(location: str, tmp_path: Path) -> None:
    pushed = push(location, tmp_path, blessed=0)
    assert pushed.get_int_custom_property("pushed") == 0
    assert (Registry(location).labels(), Registry(location).versions()) == (None, [])
