"""Metadata that was lost, replaced or turned back is noticed, and named once."""

import shutil
from pathlib import Path

import pytest

from pipeline.metadata.backups import back_up
from pipeline.metadata.connection import connect, connection_config
from pipeline.metadata.store_identity import reconcile, record_executions
from tests.pipeline.runners.local.two_nodes import Toy


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A root with two executions, whose folders bear their numbers as TFX's do."""
    return used(tmp_path / "root" / "toy")


def used(home: Path) -> Path:
    toy = Toy(home)
    assert reconcile(home, toy.store) == ""
    for run in ("1", "2"):
        toy.complete(run, node="Make")
    record_executions(home, toy.store)
    return home


def again(home: Path) -> str:
    store = connect(connection_config(None, home / "metadata.sqlite"), read_only=False, make=True)
    line = reconcile(home, store)
    record_executions(home, store)
    return line


def test_nothing_is_said_of_metadata_that_fits(home: Path) -> None:
    assert again(home) == "" == again(home)


def test_lost_metadata_is_named_once_with_its_backup(home: Path) -> None:
    backup = back_up(home, "20260101T000000Z-aaaa")
    (home / "metadata.sqlite").unlink()
    line = again(home)
    assert line.startswith("the metadata is new, but artifacts of an earlier store exist (was it lost?)")
    assert f"copy {backup} to {home / 'metadata.sqlite'}" in line
    assert again(home) == ""
    shutil.copy(backup, home / "metadata.sqlite")
    assert again(home).startswith("the metadata belongs to other artifacts")
    assert again(home) == ""


def test_an_older_copy_is_named_once(home: Path) -> None:
    old = back_up(home, "20260101T000000Z-aaaa")
    toy = Toy(home)
    toy.complete("3", node="Make")
    record_executions(home, toy.store)
    shutil.copy(old, home / "metadata.sqlite")
    assert again(home).startswith("the metadata ends with execution 2, but artifacts of execution 3 exist")
    assert again(home) == ""


def test_metadata_of_another_root_is_named(home: Path, tmp_path: Path) -> None:
    other = used(tmp_path / "other" / "toy")
    shutil.copy(other / "metadata.sqlite", home / "metadata.sqlite")
    assert again(home).startswith("the metadata belongs to other artifacts than those beside it")


def test_a_root_that_was_moved_is_named(home: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    home.rename(moved)
    assert again(moved).startswith(f"the runs were at {home} before")
    assert again(moved) == ""


def test_a_root_of_an_earlier_version_has_no_identity_until_its_next_run(home: Path) -> None:
    (home / "artifacts" / ".metadata_store.json").unlink()
    (home / "metadata.sqlite").unlink()
    line = again(home)
    assert line.startswith("the metadata does not contain the newest artifacts beside it")
    assert again(home) == ""


def test_backups_are_whole_and_the_newest_stay(home: Path) -> None:
    for number in range(8):
        assert back_up(home, f"2026010{number}T000000Z-aaaa") is not None
    kept = sorted(path.name for path in (home / "backups").iterdir())
    assert kept == [f"metadata-2026010{number}T000000Z-aaaa.sqlite" for number in range(3, 8)]
    copy = connect(connection_config(None, home / "backups" / kept[-1]))
    assert len(copy.get_executions()) == 2


def test_a_damaged_database_replaces_no_backup(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    back_up(home, "20260101T000000Z-aaaa")
    database = home / "metadata.sqlite"
    content = bytearray(database.read_bytes())
    content[4096:20000] = bytes(20000 - 4096)
    database.write_bytes(content)
    assert back_up(home, "20260102T000000Z-aaaa") is None
    assert [path.name for path in (home / "backups").iterdir()] == ["metadata-20260101T000000Z-aaaa.sqlite"]
    assert "could not be backed up" in caplog.text


def test_without_a_file_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    assert back_up(tmp_path, "20260101T000000Z-aaaa") is None
