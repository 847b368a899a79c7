"""After damage and `plumbline doctor --repair`, a run succeeds and doctor reports no error."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.project import Project


def _lose_metadata_and_backups(home: Path) -> None:
    (home / "metadata.sqlite").unlink()
    shutil.rmtree(home / "backups")


def _cut_metadata(home: Path) -> None:
    file = home / "metadata.sqlite"
    file.write_bytes(file.read_bytes()[:20_000])


def _lose_a_shard(home: Path) -> None:
    next(home.glob("artifacts/ArrowExampleGen/examples/*/Split-train/*.gz")).unlink()


def _lose_the_manifest(home: Path) -> None:
    (home / "registry" / "1" / "manifest.json").unlink()


def _break_labels_and_summary(home: Path) -> None:
    (home / "registry" / "labels.json").write_text('{"id": "a", "live": 9}')
    file = next(home.glob("reports/*/summary.json"))
    file.write_bytes(file.read_bytes()[:500])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_cut_metadata, marks=pytest.mark.long),
        pytest.param(_lose_a_shard, marks=pytest.mark.long),
        pytest.param(_lose_the_manifest, marks=pytest.mark.long),
        pytest.param(_break_labels_and_summary, marks=pytest.mark.long),
        pytest.param(_lose_metadata_and_backups, marks=pytest.mark.long),
    ],
)
def test_a_run_after_the_repair(project: Project, damage: Callable[[Path], None]) -> None:
    first = project.run()
    assert first.code == 0, first.err
    damage(project.home)
    found = project.plumbline("doctor", "--quick" if damage is not _lose_a_shard else "--digests", "--json")
    assert any(one["severity"] != "info" for one in json.loads(found.out)["findings"])
    repaired = project.plumbline("doctor", "--repair", "--digests")
    assert repaired.code == 0, repaired.out + repaired.err
    again = project.run()
    assert again.code == 0, again.err
    assert again.summary["rows"] == first.summary["rows"]
    assert again.summary["pushed"] is not None
    last = project.plumbline("doctor", "--digests", "--json")
    assert (last.code, [one for one in json.loads(last.out)["findings"] if one["severity"] != "info"]) == (0, [])
