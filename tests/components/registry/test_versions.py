import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.errors import PlumblineError, UsageError
from components.registry.versions import Labels, Registry, file_digests, model_fingerprint


def state(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def labels_of(registry: Registry) -> tuple[int | None, int | None]:
    labels = registry.labels()
    assert labels is not None
    return labels.live, labels.previous


def test_reading_makes_nothing(registry):
    assert registry.labels() is None
    assert registry.versions() == []
    assert not registry.folder.exists()


def test_create_is_idempotent_and_names_the_registry(registry, tmp_path):
    first = registry.create()
    assert registry.create() == first == registry.labels()
    assert (first.live, first.canary, first.previous) == (None, None, None)
    assert Registry(tmp_path / "other").create().id != first.id


def test_push_copies_the_model_records_it_and_makes_it_live(registry, model):
    assert registry.push(model("a"), {"run_id": "r"}) == 1
    pushed = registry.folder / "1"
    assert {name: content for name, content in state(pushed).items() if name != "manifest.json"} == state(model("a"))
    manifest = registry.manifest(1)
    assert (manifest["version"], manifest["run_id"], manifest["files"]) == (1, "r", file_digests(model("a")))
    assert labels_of(registry) == (1, None)
    assert registry.path(1) == pushed
    registry.verify(1)


def test_versions_are_numbers_in_order_and_nothing_else(registry, model):
    for number in range(11):
        assert registry.push(model(f"m{number}"), {}) == number + 1
    for name in ("notes", "007", "²", "12.bak", "-1"):
        (registry.folder / name).mkdir()
    (registry.folder / "99").write_text("a file")
    assert registry.versions() == list(range(1, 12))
    assert labels_of(registry) == (11, 10)
    assert registry.push(model("next"), {}) == 12


def test_the_same_model_is_not_pushed_twice(registry, model):
    registry.push(model("a"), {"run_id": "first"})
    before = state(registry.folder)
    assert registry.push(model("a"), {"run_id": "second"}) == 1
    assert state(registry.folder) == before


def test_an_older_model_pushed_again_does_not_displace_the_newer(registry, model):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    assert registry.push(model("a"), {}) == 1
    assert labels_of(registry) == (2, 1)


def test_a_number_is_never_given_twice(registry, model):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    shutil.rmtree(registry.folder / "2")
    assert registry.push(model("c"), {}) == 3
    labels = json.loads((registry.folder / "labels.json").read_text())
    (registry.folder / "labels.json").write_text(json.dumps({**labels, "canary": 8}))
    assert registry.push(model("d"), {}) == 9


def test_a_missing_version_is_named_with_those_there_are(registry, model):
    with pytest.raises(UsageError, match="version 1 is not there; there is: none"):
        registry.path(1)
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    with pytest.raises(UsageError, match="version 3 is not there; there is: 1, 2"):
        registry.manifest(3)


def test_a_version_can_be_named_by_its_number_or_as_live(registry, model):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    assert [registry.version_named(name) for name in ("1", "2", "live")] == [1, 2, 2]


@pytest.mark.parametrize("name", ["3", "", "-1", "1.0", "²", "Live", "."])
def test_a_version_that_nobody_can_mean_is_refused(registry, model, name):
    registry.push(model("a"), {})
    with pytest.raises(UsageError, match="is not there; there is: 1"):
        registry.version_named(name)


def test_before_a_push_nothing_is_live(registry):
    with pytest.raises(UsageError, match="no version is live"):
        registry.version_named("live")


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.data", "assets.extra/manifest.json"])
@pytest.mark.parametrize("harm", ["changed", "gone", "emptied"])
def test_verify_names_the_file_that_is_not_what_was_pushed(registry, model, name, harm):
    registry.push(model("a"), {})
    path = registry.folder / "1" / name
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if harm == "emptied" else path.read_bytes()[:-1] + b"~")
    with pytest.raises(PlumblineError, match=f"/1/{name}: is not the file that was pushed") as error:
        registry.verify(1)
    assert len(str(error.value).splitlines()) == 1


def test_verify_names_a_file_that_was_added(registry, model):
    registry.push(model("a"), {})
    (registry.folder / "1" / "extra.bin").write_text("")
    with pytest.raises(PlumblineError, match=r"/1/extra\.bin: "):
        registry.verify(1)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"files": 1}', "\xff"])
def test_a_broken_manifest_is_named(registry, model, content):
    registry.push(model("a"), {})
    (registry.folder / "1" / "manifest.json").write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match=r"/1/manifest\.json: cannot be read") as error:
        registry.verify(1)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"live": 1}', '{"id": "x", "live": "1"}', '{"id": "x", "live": true}', "\xff"]
)
def test_broken_labels_are_named_and_left_alone(registry, model, content):
    registry.push(model("a"), {})
    (registry.folder / "labels.json").write_text(content, encoding="latin-1")
    before = state(registry.folder)
    for attempt in (registry.labels, registry.create, lambda: registry.push(model("b"), {})):
        with pytest.raises(UsageError, match=r"labels\.json: cannot be read") as error:
            attempt()
        assert len(str(error.value).splitlines()) == 1
    assert state(registry.folder) == before


def test_a_place_where_no_registry_can_be_is_named(tmp_path, model):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file/registry: cannot be written"):
        Registry(tmp_path / "file" / "registry").push(model("a"), {})


def test_a_push_killed_before_the_labels_is_finished_by_the_next(registry, model):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    labels = registry.labels()
    (registry.folder / "labels.json").write_text(json.dumps({"id": labels.id, "live": 1}))
    assert registry.push(model("b"), {}) == 2
    assert registry.versions() == [1, 2]
    assert labels_of(registry) == (2, 1)


def test_what_a_killed_push_left_is_swept_and_never_seen(registry, model):
    registry.push(model("a"), {})
    leftover = registry.folder / ".staging-2-0123"
    shutil.copytree(model("b"), leftover)
    (registry.folder / ".labels.json.x1y2").write_text('{"id":')
    assert registry.versions() == [1]
    assert registry.push(model("c"), {}) == 2
    assert sorted(path.name for path in registry.folder.iterdir()) == [".lock", "1", "2", "labels.json"]


PUSH = """
import sys
from pathlib import Path
from components.registry.versions import Registry
print("ready", flush=True)
sys.stdin.readline()
for folder in sys.argv[2:]:
    print(Registry(Path(sys.argv[1])).push(Path(folder), {"run_id": folder}), flush=True)
"""


def pushing(registry: Registry, *models: Path) -> subprocess.Popen:
    """A process that is about to push, and does when it is sent a line."""
    command = [sys.executable, "-c", PUSH, str(registry.folder), *map(str, models)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def test_killed_at_any_moment_a_version_is_whole_or_not_there(registry, model):
    models = [model(f"m{number}", size=20_000) for number in range(60)]
    for attempt in range(5):
        process = pushing(registry, *models[attempt * 12 : attempt * 12 + 12])
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
    assert labels_of(registry)[0] == last == registry.versions()[-1]
    assert not list(registry.folder.glob(".staging-*"))


def test_two_processes_at_once_get_numbers_of_their_own(registry, model):
    one = pushing(registry, *(model(f"a{number}") for number in range(5)))
    other = pushing(registry, *(model(f"b{number}") for number in range(5)))
    go(one)
    go(other)
    numbers = [int(line) for process in (one, other) for line in process.communicate()[0].split()]
    assert (one.returncode, other.returncode) == (0, 0)
    assert sorted(numbers) == list(range(1, 11)) == registry.versions()
    assert labels_of(registry) == (10, 9)
    for version in numbers:
        registry.verify(version)


def test_a_push_waits_for_the_one_under_way(registry, model):
    registry.create()
    with (registry.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = pushing(registry, model("a"))
        go(process)
        time.sleep(0.2)
        assert process.poll() is None
        assert registry.versions() == []
    assert process.communicate()[0].split() == ["1"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from components.registry.versions import Registry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    Registry(Path(sys.argv[1])).push(Path(sys.argv[2]), {"about": "x" * 5000})
except OSError:
    print("full")
"""


@pytest.mark.parametrize("limit", [1000, 4000], ids=["in the model", "in the manifest"])
def test_a_full_disk_leaves_the_registry_as_it_was(registry, model, limit):
    registry.push(model("a"), {})
    before = state(registry.folder)
    large = model("large", size=800 if limit == 1000 else 10)
    command = [sys.executable, "-c", LIMITED, str(registry.folder), str(large), str(limit)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "full\n"
    assert state(registry.folder) == before
    assert sorted(os.listdir(registry.folder)) == [".lock", "1", "labels.json"]
    assert registry.push(large, {}) == 2


def test_the_fingerprint_of_a_model_is_that_of_its_files(model):
    digests = file_digests(model("a"))
    assert model_fingerprint(digests) == model_fingerprint(dict(reversed(digests.items())))
    assert model_fingerprint(digests) != model_fingerprint(file_digests(model("b")))


def test_labels_are_what_the_file_says(registry):
    registry.folder.mkdir()
    (registry.folder / "labels.json").write_text('{"id": "x", "live": 3, "canary": 4, "previous": 2}')
    assert registry.labels() == Labels("x", live=3, canary=4, previous=2)
