"""Properties of the folder backend: the lock, staging folders, a full disk."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.registry.registry import Registry
from components.shared.errors import UsageError
from tests.components.registry.conftest import FolderPlace
from tests.components.registry.pushing import go, pushing


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    return FolderPlace(tmp_path / "registry")


def test_impossible_location_is_named(tmp_path, model):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file/registry: cannot be written"):
        Registry(tmp_path / "file" / "registry").push(model("a"), {})


def test_leftovers_of_a_killed_push_are_deleted_and_never_visible(registry, model):
    registry.push(model("a"), {})
    leftover = registry.folder / ".staging-2-0123"
    shutil.copytree(model("b"), leftover)
    (registry.folder / ".labels.json.x1y2").write_text('{"id":')
    assert registry.versions() == [1]
    assert registry.push(model("c"), {}) == 2
    assert sorted(path.name for path in registry.folder.iterdir()) == [".lock", "1", "2", "labels.json"]


def test_version_is_complete_or_absent_whenever_a_push_is_killed(registry, model, place):
    models = [model(f"m{number}", size=20_000) for number in range(60)]
    for attempt in range(5):
        process = pushing(place.location, *models[attempt * 12 : attempt * 12 + 12])
        go(process)
        for _ in range(attempt):
            process.stdout.readline()
        time.sleep(0.001 * attempt)  # somewhere within the next push
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stdin.close()
        for version in registry.versions():
            registry.verify(version)
        labels = registry.labels()
        assert labels is None or labels.live is None or labels.live in registry.versions()
    last = registry.push(model("last"), {})
    assert registry.labels().live == last == registry.versions()[-1]
    assert not list(registry.folder.glob(".staging-*"))


def test_push_waits_for_a_running_push(registry, model, place):
    registry.create()
    with (registry.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = pushing(place.location, model("a"))
        go(process)
        time.sleep(0.2)
        assert process.poll() is None
        assert registry.versions() == []
    assert process.communicate()[0].split() == ["1"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from components.registry.registry import Registry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    Registry(Path(sys.argv[1])).push(Path(sys.argv[2]), {"about": "x" * 5000})
except OSError:
    print("full")
"""


@pytest.mark.parametrize("limit", [1000, 4000], ids=["in the model", "in the manifest"])
def test_full_disk_leaves_the_registry_unchanged(registry, model, limit, place):
    registry.push(model("a"), {})
    before = place.files()
    large = model("large", size=800 if limit == 1000 else 10)
    command = [sys.executable, "-c", LIMITED, str(registry.folder), str(large), str(limit)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "full\n"
    assert place.files() == before
    assert sorted(os.listdir(registry.folder)) == [".lock", "1", "labels.json"]
    assert registry.push(large, {}) == 2


def test_version_has_a_path(registry, model):
    registry.push(model("a"), {})
    assert registry.path(1) == registry.folder / "1"


def test_file_url_is_a_folder(registry, model, tmp_path):
    assert Registry(f"file://{tmp_path}/a%20b").folder == tmp_path / "a b"
