"""ChampionResolver's executor, with a registry in a folder and one in a bucket."""

from pathlib import Path
from typing import Any

import pytest

from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server

pytestmark = pytest.mark.slow


@pytest.fixture(params=["folder", "bucket"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "registry")
    found: str = request.getfixturevalue("bucket").location
    return found


def saved_model(folder: Path, graph: str) -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text(graph)
    (folder / "variables" / "variables.index").write_text(f"of {graph}")
    return folder


def resolve(location: str, folder: Path, data: str, version: int = -1) -> Any:
    """Runs the executor with a candidate made of `data`; returns the artifact `champion`."""
    from tfx.types.standard_artifacts import Examples, Model

    from components.champion_resolver.component import ChampionResolver

    candidate, examples, champion = Model(), Examples(), Model()
    candidate.uri, examples.uri, champion.uri = (str(folder / name) for name in ("candidate", "examples", "champion"))
    saved_model(folder / "candidate" / "Format-Serving", "candidate")
    examples.set_string_custom_property("data_fingerprint", data)
    properties = {"registry": location, "code_fingerprint": "c", "version": version}
    executor = ChampionResolver.EXECUTOR_SPEC.executor_class()
    executor.Do({"candidate": [candidate], "examples": [examples]}, {"champion": [champion]}, properties)
    return champion


def graph(folder: Path) -> str:
    assert (folder / "champion/Format-Serving/variables/variables.index").read_text().startswith("of ")
    return (folder / "champion/Format-Serving/saved_model.pb").read_text()


def fill(location: str, folder: Path) -> Registry:
    registry = Registry(location)
    for number, champion in ((1, None), (2, 1)):
        manifest = {"fingerprints": {"data": f"d{number}", "code": "c"}, "champion": champion}
        registry.push(saved_model(folder / f"m{number}", f"graph {number}"), manifest)
    return registry


def test_candidate_is_copied_if_there_is_no_version(location: str, tmp_path: Path) -> None:
    champion = resolve(location, tmp_path, "d1")
    assert (champion.get_int_custom_property("version"), graph(tmp_path)) == (0, "candidate")
    assert champion.get_string_custom_property("registry") == location


@pytest.mark.parametrize(
    ("data", "version", "expected"),
    [("new", -1, 2), ("d2", -1, 1), ("new", 1, 1)],
    ids=["live", "of a run that is repeated", "told by the runner"],
)
def test_champion_is_copied(location: str, tmp_path: Path, data: str, version: int, expected: int) -> None:
    fill(location, tmp_path)
    champion = resolve(location, tmp_path, data, version)
    assert champion.get_int_custom_property("version") == expected
    assert graph(tmp_path) == f"graph {expected}"


def test_damaged_champion_is_refused(location: str, tmp_path: Path) -> None:
    registry = fill(location, tmp_path)
    if "://" in location:
        registry._storage.store.write("2/saved_model.pb", b"another")
    else:
        (registry.folder / "2" / "saved_model.pb").write_text("another")
    with pytest.raises(PlumblineError, match=r"/2/saved_model\.pb: is not the file that was pushed"):
        resolve(location, tmp_path, "new")


def test_missing_champion_is_named(location: str, tmp_path: Path) -> None:
    fill(location, tmp_path)
    with pytest.raises(UsageError, match="version 7 does not exist; available: 1, 2"):
        resolve(location, tmp_path, "new", version=7)
