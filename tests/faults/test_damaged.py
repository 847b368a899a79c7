"""Lost, truncated and changed files of each kind in the root are repaired or reported."""

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.metadata.store_identity import FILE as STORE_RECORD
from tests.faults.invariants import assert_ending, assert_metadata, assert_result, assert_rows, files_below, versions
from tests.faults.recovery import prepared
from tests.faults.trials import SEED, Trials, count
from tests.faults.workplace import SECOND, Ended, Workplace


def lose(path: Path, share: float) -> None:
    path.unlink()


def shorten(path: Path, share: float) -> None:
    """As a copy that was cut off; the times stay what they were, as after a disk's failure."""
    about = path.stat()
    os.truncate(path, int(about.st_size * share))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def flip(path: Path, share: float) -> None:
    """One bit, which neither size nor times tell."""
    about = path.stat()
    if about.st_size == 0:
        return
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


HARMS: dict[str, Callable[[Path, float], None]] = {"lost": lose, "shortened": shorten, "a bit flipped": flip}
INFORMATIVE = (".log", ".html", ".md", ".svg", ".png", ".lock")
"""What nothing is decided from."""


def kind_of(path: Path, home: Path) -> str:
    """The path, without ids, digests and run ids."""
    name = path.relative_to(home).as_posix()
    name = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]+", "RUN", name)
    return re.sub(r"[0-9a-f]{8,}|\d+", "N", name)


def kinds_of_files(home: Path) -> dict[str, list[Path]]:
    """Kind -> its files."""
    found: dict[str, list[Path]] = {}
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found.setdefault(kind_of(path, home), []).append(path)
    return found


def damaged(place: Workplace, trials: Trials, kind: str, harm: str, share: float) -> None:
    """Damages the newest file of a kind, runs, and asserts the outcome.

    Either the artifact is produced again, with exit code 0 and the result of a run without faults; or the command
    reports the file in one line, and works after the file has been restored.
    """
    with trials.one(f"{kind} {harm} at {share:.2f}") as trial:
        before = prepared(place, "two")
        (found := kinds_of_files(place.home)[kind]).sort(key=lambda path: path.stat().st_mtime_ns)
        path = found[-1]
        kept = path.with_name("kept-by-the-trial")
        shutil.copy2(path, place.folder / kept.name)
        HARMS[harm](path, share)
        harmed = path.read_bytes() if path.exists() else None
        if harmed == (place.folder / kept.name).read_bytes():
            trial.happened = False
            return
        ended = place.run(SECOND)
        if ended.code == 0 and path.exists() and path.read_bytes() == harmed:
            # Neither size nor times tell of the change, and nothing read the file: a comparison of digests has to.
            ended = place.run(SECOND, "--verify")
        assert_ending(ended, 0, 1, 2)
        assert_versions_stay(place, before, path)
        if ended.code == 0:
            assert_result(place, ended.json, place.reference(SECOND))
        else:
            assert_names(ended, place, path)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place.folder / kept.name, path)
            again = place.run(SECOND)
            assert_ending(again, 0)
            assert_rows(place, again.json)
            assert_result(place, again.json, place.reference(SECOND))
        assert_metadata(place.home / "metadata.sqlite")


def artifact_files(place: Workplace) -> dict[str, bytes]:
    """Contents of the files of all artifacts, without the record of the store that they belong to."""
    return {name: content for name, content in files_below(place.home / "artifacts").items() if name != STORE_RECORD}


def assert_versions_stay(place: Workplace, before: dict[str, bytes], damaged_file: Path) -> None:
    """No version is written to, but for the file that the trial damaged."""
    now, harmed = files_below(place.registry), ""
    if damaged_file.is_relative_to(place.registry):
        harmed = damaged_file.relative_to(place.registry).as_posix()
    for version, files in versions(before).items():
        for name, content in files.items():
            if f"{version}/{name}" != harmed:
                assert now.get(f"{version}/{name}") == content, f"{version}/{name} was changed"


def assert_names(ended: Ended, place: Workplace, path: Path) -> None:
    """The message names the file, or the folder that it lies in, or what it is part of."""
    message = ended.err.splitlines()[-1]
    names = [path.name, *(str(parent) for parent in path.parents if parent.is_relative_to(place.home))]
    assert any(name in message for name in names), f"{path} is not named by {message}"


@pytest.mark.kind("a file lost, shortened, changed")
@pytest.mark.parametrize(
    ("like", "harm"),
    [
        ("artifacts/ArrowExampleGen/.*train.*gz", "lost"),
        ("registry/labels.json", "shortened"),
        ("metadata.sqlite", "shortened"),
        ("cache/scans.json", "a bit flipped"),
        ("cache/runs/.*json", "a bit flipped"),
        ("reports/.*summary.json", "lost"),
    ],
)
def test_a_file_of_those_that_matter_most(place: Workplace, trials: Trials, like: str, harm: str) -> None:
    prepared(place, "two")
    found = [kind for kind in kinds_of_files(place.home) if re.search(like, kind)]
    assert found, f"no file is like {like}"
    damaged(place, trials, found[0], harm, trials.random.random())


@pytest.mark.faults
@pytest.mark.kind("a file lost, shortened, changed")
@pytest.mark.parametrize("number", range(count(45)))
def test_a_file_of_any_kind(place: Workplace, trials: Trials, number: int) -> None:
    """Kinds and harms in an order that SEED draws: each pair once before one comes again."""
    prepared(place, "two")
    pairs = [(kind, harm) for kind in sorted(kinds_of_files(place.home)) for harm in HARMS]
    random.Random(SEED).shuffle(pairs)
    kind, harm = pairs[number % len(pairs)]
    damaged(place, trials, kind, harm, trials.random.random())


@pytest.mark.faults
@pytest.mark.kind("a file lost, shortened, changed")
def test_metadata_of_an_earlier_day(place: Workplace, trials: Trials) -> None:
    """Restored from a backup, beside artifacts that it does not know: no folder of an execution is written twice."""
    with trials.one("metadata.sqlite of before the second run"):
        before = prepared(place, "two")
        artifacts = artifact_files(place)
        shutil.copy2(place.folder / "kept" / "one" / "root" / place.home.name / "metadata.sqlite", place.home)
        ended = place.run(SECOND)
        assert_ending(ended, 0, 1, 2)
        now = artifact_files(place)
        assert {name: now.get(name) for name in artifacts} == artifacts, "an artifact was written over"
        assert_versions_stay(place, before, place.home / "metadata.sqlite")
        if ended.code == 0:
            assert_result(place, ended.json, place.reference(SECOND))


@pytest.mark.faults
@pytest.mark.kind("a file lost, shortened, changed")
def test_metadata_lost(place: Workplace, trials: Trials) -> None:
    """The artifacts beside it stay what they are."""
    with trials.one("metadata.sqlite lost"):
        before = prepared(place, "two")
        artifacts = artifact_files(place)
        (place.home / "metadata.sqlite").unlink()
        ended = place.run(SECOND)
        assert_ending(ended, 0, 1, 2)
        now = artifact_files(place)
        assert {name: now.get(name) for name in artifacts} == artifacts, "an artifact was written over"
        assert_versions_stay(place, before, place.home / "metadata.sqlite")
        if ended.code == 0:
            assert_result(place, ended.json, place.reference(SECOND))
        else:
            assert "metadata" in ended.err.splitlines()[-1]


@pytest.mark.faults
@pytest.mark.kind("a file lost, shortened, changed")
@pytest.mark.parametrize("command", ["runs", "lineage", "compare", "gc", "report", "drift"])
@pytest.mark.parametrize("number", range(count(2)))
def test_commands_that_look_back_name_what_is_damaged(
    place: Workplace, trials: Trials, command: str, number: int
) -> None:
    """Or do without it; no traceback, no change."""
    before = prepared(place, "two")
    runs = sorted(path.parent.name for path in place.home.glob("reports/*/summary.json"))
    arguments = {
        "runs": ["runs"], "lineage": ["lineage", "live"], "compare": ["compare", *runs], "gc": ["gc"],
        "report": ["report"], "drift": ["drift", "--history"],
    }[command]  # fmt: skip
    read = [
        kind
        for kind in kinds_of_files(place.home)
        if re.search(r"metadata.sqlite|registry/.*json|reports/.*json|drift.json|errors.json", kind)
    ]
    kind, harm = trials.random.choice(sorted(read)), trials.random.choice(list(HARMS))
    with trials.one(f"{command}: {kind} {harm}"):
        path = kinds_of_files(place.home)[kind][-1]
        HARMS[harm](path, trials.random.random())
        ended = place.plumbline(arguments[0], "--dataset", place.home.name, "--root", str(place.root), *arguments[1:])
        assert_ending(ended, 0, 1, 2)
        assert_versions_stay(place, before, path)


@pytest.mark.faults
@pytest.mark.kind("a file lost, shortened, changed")
def test_a_registry_restored_from_a_backup(place: Workplace, trials: Trials) -> None:
    """Labels that know a version which is gone: named; no number is given twice."""
    with trials.one("version 2 gone, labels.json says that it is live"):
        prepared(place, "two")
        shutil.rmtree(place.registry / "2")
        ended = place.run(SECOND)
        assert_ending(ended, 0, 1, 2)
        there = {int(path.name) for path in place.registry.iterdir() if path.name.isdecimal()}
        assert there <= {1, 3}
        live = json.loads((place.registry / "labels.json").read_text())["live"]
        assert ended.code != 0 or live in there
