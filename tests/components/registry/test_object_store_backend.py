"""Properties of the object store backend: claims, commits, pushes finished by others, and failures of the store."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Collection

import pytest

from components.registry import object_store
from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError
from tests.components.registry.pushing import go, pushing
from tests.components.registry.s3_server import CHANGES


@pytest.fixture
def place(bucket):
    return bucket


def below_a_version(path: str) -> re.Match | None:
    return re.search(r"/registry/([0-9]+/.+)", path)


def is_claim(environ: dict) -> bool:
    return environ["REQUEST_METHOD"] == "PUT" and bool(re.search(r"\.pushes/[0-9]+\.json$", environ["PATH_INFO"]))


def once(condition: Callable[[dict], bool], answer: tuple[int, str] | None, skip: int = 0) -> Callable:
    """A hook that answers the first request of a kind after the first `skip`."""
    seen = []

    def hook(environ: dict) -> tuple[int, str] | None:
        if not condition(environ):
            return None
        seen.append(environ["PATH_INFO"])
        return answer if len(seen) == skip + 1 else None

    return hook


def assert_whole(registry: Registry, verified: Collection[int] = ()) -> list[int]:
    """The versions, all of them complete; versions that were verified before are skipped."""
    versions = registry.versions()
    for version in versions:
        if version not in verified:
            registry.verify(version)
    labels = registry.labels()
    assert labels.live is None or labels.live in versions
    return versions


def killed_after(place, process: subprocess.Popen, changes: int) -> bool:
    """Kills a pushing process after a number of changes on the server; returns False if there were fewer."""
    count = []

    def kill(environ: dict) -> None:
        count.extend([1] * (environ["REQUEST_METHOD"] in CHANGES))
        if len(count) == changes and environ["REQUEST_METHOD"] in CHANGES:
            os.kill(process.pid, signal.SIGKILL)

    place.server.after = kill
    go(process)
    process.communicate()
    place.server.after = lambda environ: None
    return process.returncode == -signal.SIGKILL


def test_graph_and_manifest_of_a_version_are_copied_last(registry, model, place):
    written = []

    def note(environ: dict) -> None:
        match = below_a_version(environ["PATH_INFO"])
        if match and environ["REQUEST_METHOD"] in CHANGES:
            written.append((match[1], "HTTP_X_AMZ_COPY_SOURCE" in environ))

    place.server.after = note
    registry.push(model("a"), {})
    assert sorted(written[:2]) == [("1/assets.extra/manifest.json", True), ("1/variables/variables.data", True)]
    assert written[2:] == [("1/saved_model.pb", True), ("1/manifest.json", True)]
    assert {name.split("/")[0] for name in place.files()} == {"1", "labels.json"}  # nothing is left of the push


@pytest.mark.slow
def test_version_is_complete_or_absent_whichever_change_a_push_is_killed_after(registry, model, place):
    registry.create()
    changes, whole = 0, []
    while True:
        changes += 1
        victim = model(f"victim {changes}")
        if not killed_after(place, pushing(place.location, victim), changes):
            break
        whole = assert_whole(registry, whole)
        committed = registry.push(victim, {})  # what a retry of the step does
        whole = assert_whole(registry, whole)
        assert registry.labels().live == committed == whole[-1]
        files = {name.split("/")[0] for name in place.names()} - {".pushes", "labels.json"}
        assert files == set(map(str, whole))  # no half version for TF Serving
    assert changes > 12
    assert len(registry.versions()) == changes  # one for each kill and one at the end, none twice
    place.age(days=2)
    registry.push(model("later"), {})
    assert not [name for name in place.names() if name.startswith(".pushes/")]
    assert_whole(registry)  # all of them: none was hurt by what came later


def test_next_push_finishes_one_that_was_killed_while_publishing(registry, model, place):
    registry.push(model("a"), {})
    process = pushing(place.location, model("b"))
    assert killed_after(place, process, 7)  # claim, three files, manifest, commit, one copy
    assert any(name.startswith("2/") for name in place.files())
    assert registry.versions() == [1]
    assert registry.push(model("c"), {}) == 3
    assert registry.versions() == [1, 2, 3]
    assert (registry.labels().live, registry.labels().previous) == (3, 1)
    registry.verify(2)


@pytest.mark.parametrize("days", [0, 2])
def test_running_push_is_not_swept_or_fails_with_an_error(registry, model, place, days):
    registry.push(model("a"), {})
    process = pushing(place.location, model("slow"))
    stopped, count = threading.Event(), []

    def stop(environ: dict) -> None:
        count.extend([1] * (environ["REQUEST_METHOD"] in CHANGES))
        if len(count) == 5 and not stopped.is_set():  # all uploaded, not committed
            os.kill(process.pid, signal.SIGSTOP)
            stopped.set()

    place.server.after = stop
    go(process)
    assert stopped.wait(30)
    place.server.after = lambda environ: None
    place.age(days)
    assert registry.push(model("b"), {}) == 3
    os.kill(process.pid, signal.SIGCONT)
    pushed = process.communicate()[0]
    if days:
        assert (process.returncode, pushed) == (1, "")
        assert registry.versions() == [1, 3]
    else:
        assert (process.returncode, pushed) == (0, "2\n")
        assert registry.versions() == [1, 2, 3]
    assert registry.labels().live == 3
    assert_whole(registry)
    assert not [name for name in place.files() if name.startswith(".pushes/")]


def test_swept_push_fails_with_one_line(registry, model, place):
    registry.create()
    place.server.after = lambda environ: place.lose(".pushes/1.json") if is_claim(environ) else None
    with pytest.raises(PlumblineError, match="was discarded by another one; run again") as error:
        registry.push(model("a"), {})
    assert "\n" not in str(error.value)
    assert list(place.files()) == ["labels.json"]


def test_many_simultaneous_processes(registry, model, place):
    processes = [pushing(place.location, *(model(f"{name}{n}") for n in range(3))) for name in "abcd"]
    for process in processes:
        go(process)
    numbers = [int(line) for process in processes for line in process.communicate()[0].split()]
    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(set(numbers)) == sorted(numbers) == registry.versions()
    assert len(numbers) == 12
    assert registry.labels().live == max(numbers)
    assert_whole(registry)


@pytest.mark.parametrize("skip", [0, 1], ids=["claim", "commit"])
def test_lost_response_does_not_waste_a_number(registry, model, place, skip):
    registry.create()
    place.server.after = once(is_claim, (503, "SlowDown"), skip)
    assert registry.push(model("a"), {}) == 1
    assert registry.versions() == [1]
    assert registry.labels().live == 1


def test_lost_response_to_a_write_of_labels(registry, model, place):
    is_labels = lambda environ: environ["REQUEST_METHOD"] == "PUT" and "labels.json" in environ["PATH_INFO"]  # noqa: E731
    place.server.after = once(is_labels, (503, "SlowDown"))
    first = registry.create()
    assert registry.labels() == first
    place.server.after = once(is_labels, (503, "SlowDown"))
    assert registry.push(model("a"), {}) == 1
    assert (registry.labels().id, registry.labels().live, registry.labels().previous) == (first.id, 1, None)


@pytest.mark.parametrize("answer", [(403, "AccessDenied"), (403, "QuotaExceeded"), (507, "XMinioStorageFull")])
def test_full_or_protected_bucket_is_unchanged(registry, model, place, answer):
    registry.push(model("a"), {})
    before = place.files()
    is_upload = lambda environ: environ["REQUEST_METHOD"] == "PUT" and "saved_model.pb" in environ["PATH_INFO"]  # noqa: E731
    place.server.before = lambda environ: answer if is_upload(environ) else None
    with pytest.raises(UsageError, match=f"saved_model.pb: .*{answer[1]}") as error:
        registry.push(model("b"), {})
    assert "\n" not in str(error.value)
    assert place.files() == before
    place.server.before = lambda environ: None
    assert registry.push(model("b"), {}) == 2


def test_unpublished_push_is_finished_later(registry, model, place):
    registry.create()
    place.server.before = lambda environ: (403, "AccessDenied") if below_a_version(environ["PATH_INFO"]) else None
    with pytest.raises(UsageError, match="access denied"):
        registry.push(model("a"), {})
    assert registry.versions() == []
    place.server.before = lambda environ: None
    assert registry.push(model("a"), {}) == 1
    assert (registry.versions(), registry.labels().live) == ([1], 1)


@pytest.mark.parametrize(
    ("header", "named"), [("HTTP_IF_NONE_MATCH", "ignores If-None-Match,"), ("HTTP_IF_MATCH", "ignores If-Match,")]
)
def test_store_without_conditional_writes_is_refused(registry, model, place, header, named):
    place.server.before = lambda environ: environ.pop(header, None) and None
    with pytest.raises(UsageError, match=named):
        registry.push(model("a"), {})
    assert place.files() == {}


def test_large_model_is_uploaded_in_parts(registry, model, place, tmp_path):
    large = model("large", size=(2 * object_store.CHUNK + 17) // 5)
    registry.push(large, {})
    registry.fetch(1, tmp_path / "copy")
    name = "variables/variables.data"
    assert (tmp_path / "copy" / name).read_bytes() == (large / name).read_bytes()


def test_file_too_large_to_be_copied_is_refused(registry, model, place, monkeypatch):
    monkeypatch.setattr(object_store, "LARGEST_COPY", 40)
    with pytest.raises(PlumblineError, match=r"variables\.data: is larger than"):
        registry.push(model("abc", size=20), {})
    assert list(place.files()) == ["labels.json"]


def test_version_in_a_bucket_has_no_path(registry, model):
    registry.push(model("a"), {})
    for ask in (lambda: registry.folder, lambda: registry.path(1)):
        with pytest.raises(UsageError, match="is in a bucket, where a folder is needed"):
            ask()
