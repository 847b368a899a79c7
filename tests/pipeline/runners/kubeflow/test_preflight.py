"""The first step in a process of its own: it pins what the others read, and notices another image."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from components.registry.registry import Registry
from pipeline.runners.kubeflow.preflight_task import OUTPUTS
from tests.pipeline.runners.kubeflow.steps import PROJECT, Cluster, Ran

pytestmark = pytest.mark.slow  # compiles with TFX; the step itself takes a second

CODE = "c" * 64


@pytest.fixture
def spans(tmp_path: Path) -> Path:
    return shutil.copytree(PROJECT / "data" / "sample" / "flights", tmp_path / "spans")


@pytest.fixture
def look(spec: dict[str, Any], spans: Path, tmp_path: Path):
    cluster = Cluster(spec, "s3://bucket/runs", tmp_path / "mount")
    cluster.mount.mkdir()
    tasks = spec["root"]["dag"]["tasks"]
    source = tasks["Preflight"]["inputs"]["parameters"]["source"]["runtimeValue"]["constant"]
    source = source.replace(str(PROJECT / "data" / "sample" / "flights"), str(spans))
    given = {
        "source": source,
        "registry": str(tmp_path / "registry"),
        "span": -1,
        "window": 3,
        "code_fingerprint": CODE,
    }

    def run(**changed: Any) -> Ran:
        return cluster.run("Preflight", **(given | changed))

    return run


def pinned(ran: Ran) -> dict[str, str]:
    assert ran.code == 0, ran.stderr
    assert set(ran.parameters) == set(OUTPUTS)
    return ran.parameters


def test_nothing_new_is_nothing_new(look, spans: Path) -> None:
    first = pinned(look())
    assert first["span"] == "4"
    assert first["champion"] == "0"
    assert len(first["data_fingerprint"]) == 64
    assert pinned(look()) == first
    assert pinned(look(span=4)) == first
    assert pinned(look(window=2))["data_fingerprint"] != first["data_fingerprint"]
    assert pinned(look(span=3))["span"] == "3"
    shutil.copy(spans / "span-04.csv", spans / "span-05.csv")
    fifth = pinned(look())
    assert fifth["span"] == "5"
    assert fifth["data_fingerprint"] != first["data_fingerprint"]


def test_fingerprint_is_what_ingest_and_the_local_runner_see(look, spans: Path, tmp_path: Path) -> None:
    from pipeline.preflight.data_check import check_data, source_of
    from pipeline.settings.config import load_config

    config = load_config(PROJECT / "schemas" / "flights" / "pipeline.toml")
    checked = check_data(source_of(config, str(spans)), None, tmp_path / "scans.json")
    assert pinned(look())["data_fingerprint"] == checked.fingerprint


def test_champion_is_the_live_version_of_other_data_or_code(look, tmp_path: Path) -> None:
    data = pinned(look())["data_fingerprint"]
    registry = Registry(tmp_path / "registry")
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"x")

    def push(code: str, champion: int | None) -> int:
        about = {"run_id": "r", "metrics": {}, "fingerprints": {"data": data, "code": code}, "champion": champion}
        return registry.push(model, about)

    other = push("d" * 64, None)
    assert pinned(look())["champion"] == str(other)
    push(CODE, other)  # what this run made: it is compared with what that was compared with, as from the cache
    assert pinned(look())["champion"] == str(other)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"components": "0" * 64}, "the image contains other components than the pipeline was compiled from"),
        ({"schema": "0" * 64}, "schema.pbtxt: the image contains another schema than the pipeline was compiled from"),
        ({"schema_file": "nowhere/schema.pbtxt"}, "nowhere/schema.pbtxt: no such schema in the image"),
        ({"span": 9}, "span 9 does not exist; available: 1"),
    ],
)
def test_what_stops_it_is_one_line(look, changed: dict[str, Any], said: str) -> None:
    ran = look(**changed)
    assert ran.code == 2
    assert said in ran.said
    assert ran.stderr.strip() == f"plumbline: {ran.said}"
    assert ran.parameters == {}
