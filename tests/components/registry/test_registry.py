"""Properties of registries in any backend: every test runs with a folder and with a bucket."""

import json
from pathlib import Path

import pytest

from components.registry.registry import Aliases, Registry, file_digests, model_fingerprint
from components.shared.errors import PlumblineError, UsageError
from tests.components.registry.pushing import go, pushing


def state(folder: Path) -> dict[str, bytes]:
    """Returns the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def labels_of(registry: Registry) -> tuple[int | None, int | None]:
    labels = registry.labels()
    assert labels is not None
    return labels.live, labels.previous


def test_reading_creates_nothing(registry, place):
    assert registry.labels() is None
    assert registry.versions() == []
    assert place.files() == {}


def test_create_is_idempotent_and_assigns_an_id(registry, place):
    first = registry.create()
    assert registry.create() == first == registry.labels()
    assert (first.live, first.canary, first.previous) == (None, None, None)
    assert Registry(f"{place.location}-2").create().id != first.id


def test_versions_without_aliases_are_no_empty_registry(registry, model, place):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    labels = place.files()["labels.json"]
    place.delete("labels.json")
    said = r"labels.json: is missing, though versions exist \(1, 2\), .*run `plumbline doctor --repair`"
    for pushes in (registry.create, lambda: registry.push(model("c"), {})):
        with pytest.raises(UsageError, match=said):
            pushes()
    assert registry.versions() == [1, 2] and "labels.json" not in place.files()
    place.write("labels.json", labels)
    assert registry.push(model("c"), {}) == 3


def test_push_copies_and_records_the_model_and_makes_it_live(registry, model, place):
    assert registry.push(model("a"), {"run_id": "r"}) == 1
    pushed = {name.removeprefix("1/"): content for name, content in place.files().items() if name.startswith("1/")}
    assert {name: content for name, content in pushed.items() if name != "manifest.json"} == state(model("a"))
    manifest = registry.manifest(1)
    assert (manifest["version"], manifest["run_id"], manifest["files"]) == (1, "r", file_digests(model("a")))
    assert labels_of(registry) == (1, None)
    assert registry.location(1) == f"{place.location}/1"
    registry.verify(1)


def test_only_decimal_numbers_are_versions(registry, model, place):
    for number in range(11):
        assert registry.push(model(f"m{number}"), {}) == number + 1
    for name in ("notes", "007", "²", "12.bak", "-1"):
        place.write(f"{name}/manifest.json", b"{}")
    place.write("99", b"a file")
    assert registry.versions() == list(range(1, 12))
    assert labels_of(registry) == (11, 10)
    assert registry.push(model("next"), {}) == 12


def test_same_model_is_not_pushed_twice(registry, model, place):
    registry.push(model("a"), {"run_id": "first"})
    before = place.files()
    assert registry.push(model("a"), {"run_id": "second"}) == 1
    assert place.files() == before


def test_older_model_pushed_again_does_not_replace_the_live_one(registry, model):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    assert registry.push(model("a"), {}) == 1
    assert labels_of(registry) == (2, 1)


def test_numbers_are_not_reused(registry, model, place):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    place.delete("2")
    assert registry.push(model("c"), {}) == 3
    labels = json.loads(place.files()["labels.json"])
    place.write("labels.json", json.dumps({**labels, "canary": 8}).encode())
    assert registry.push(model("d"), {}) == 9


def test_number_of_a_removed_version_is_not_reused(registry, model, place):
    for name in ("a", "b"):
        registry.push(model(name), {})
    place.delete("2")
    registry.relabel(Aliases(id="after", live=1), lambda content: None)
    registry.reserve(2)
    assert registry.versions() == [1]
    assert registry.push(model("c"), {}) == 3
    registry.reserve(1)  # a smaller one changes nothing
    assert registry.push(model("d"), {}) == 4


def test_error_for_a_missing_version_lists_the_existing_ones(registry, model):
    with pytest.raises(UsageError, match="version 1 does not exist; available: none"):
        registry.location(1)
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    with pytest.raises(UsageError, match="version 3 does not exist; available: 1, 2"):
        registry.manifest(3)


def test_version_is_named_by_number_or_live(registry, model):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    assert [registry.version_named(name) for name in ("1", "2", "live")] == [1, 2, 2]


@pytest.mark.parametrize("name", ["3", "", "-1", "1.0", "²", "Live", "."])
def test_invalid_version_name_is_refused(registry, model, name):
    registry.push(model("a"), {})
    with pytest.raises(UsageError, match="does not exist; available: 1"):
        registry.version_named(name)


def test_no_version_is_live_before_a_push(registry):
    with pytest.raises(UsageError, match="no version is live"):
        registry.version_named("live")


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.data", "assets.extra/manifest.json"])
@pytest.mark.parametrize("harm", ["changed", "gone", "emptied"])
def test_verify_names_the_damaged_file(registry, model, name, harm, place):
    registry.push(model("a"), {})
    was = place.files()[f"1/{name}"]
    if harm == "gone":
        place.delete(f"1/{name}")
    else:
        place.write(f"1/{name}", b"" if harm == "emptied" else was[:-1] + b"~")
    with pytest.raises(PlumblineError, match=f"/1/{name}: is not the file that was pushed") as error:
        registry.verify(1)
    assert len(str(error.value).splitlines()) == 1


def test_verify_names_an_added_file(registry, model, place):
    registry.push(model("a"), {})
    place.write("1/extra.bin", b"")
    with pytest.raises(PlumblineError, match=r"/1/extra\.bin: "):
        registry.verify(1)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"files": 1}', "\xff"])
def test_damaged_manifest_is_named(registry, model, content, place):
    registry.push(model("a"), {})
    place.write("1/manifest.json", content.encode("latin-1"))
    with pytest.raises(UsageError, match=r"/1/manifest\.json: cannot be read") as error:
        registry.verify(1)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"live": 1}', '{"id": "x", "live": "1"}', '{"id": "x", "live": true}', "\xff"]
)
def test_damaged_labels_are_named_and_unchanged(registry, model, content, place):
    registry.push(model("a"), {})
    place.write("labels.json", content.encode("latin-1"))
    before = place.files()
    for attempt in (registry.labels, registry.create, lambda: registry.push(model("b"), {})):
        with pytest.raises(UsageError, match=r"labels\.json: cannot be read") as error:
            attempt()
        assert len(str(error.value).splitlines()) == 1
    assert place.files() == before


def test_push_killed_before_the_labels_is_finished_by_the_next(registry, model, place):
    registry.push(model("a"), {})
    registry.push(model("b"), {})
    labels = registry.labels()
    place.write("labels.json", json.dumps({"id": labels.id, "live": 1}).encode())
    assert registry.push(model("b"), {}) == 2
    assert registry.versions() == [1, 2]
    assert labels_of(registry) == (2, 1)


def test_two_simultaneous_processes_get_different_numbers(registry, model, place):
    one = pushing(place.location, *(model(f"a{number}") for number in range(5)))
    other = pushing(place.location, *(model(f"b{number}") for number in range(5)))
    go(one)
    go(other)
    numbers = [int(line) for process in (one, other) for line in process.communicate()[0].split()]
    assert (one.returncode, other.returncode) == (0, 0)
    assert sorted(numbers) == list(range(1, 11)) == registry.versions()
    live, previous = labels_of(registry)
    assert live == 10
    assert previous in range(1, 10)  # 9 was never live if 10 came first
    for version in numbers:
        registry.verify(version)


def test_fingerprint_of_a_model_depends_on_its_files(model):
    digests = file_digests(model("a"))
    assert model_fingerprint(digests) == model_fingerprint(dict(reversed(digests.items())))
    assert model_fingerprint(digests) != model_fingerprint(file_digests(model("b")))


def test_labels_equal_the_file(registry, place):
    place.write("labels.json", b'{"id": "x", "live": 3, "canary": 4, "previous": 2}')
    assert registry.labels() == Aliases("x", live=3, canary=4, previous=2)


def test_fetch_copies_the_version_as_it_was_pushed(registry, model, tmp_path):
    special = model("a")
    (special / "assets").mkdir()
    (special / "assets" / "größe %41 日本.txt").write_text("ü")
    (special / "assets" / "empty").write_text("")
    registry.push(special, {"run_id": "é"})
    assert registry.manifest(1)["run_id"] == "é"
    registry.verify(1)
    target = tmp_path / "deep" / "copy"
    registry.fetch(1, target)
    copied = state(target)
    assert json.loads(copied.pop("manifest.json")) == registry.manifest(1)
    assert copied == state(special)


@pytest.mark.parametrize("harm", ["changed", "gone", "added"])
def test_fetch_refuses_a_damaged_version(registry, model, place, tmp_path, harm):
    registry.push(model("a"), {})
    name = "1/variables/variables.data"
    place.delete(name) if harm == "gone" else place.write(name if harm == "changed" else "1/new", b"x")
    with pytest.raises(PlumblineError, match="is not the file that was pushed"):
        registry.fetch(1, tmp_path / "copy")
    with pytest.raises(UsageError, match="version 2 does not exist; available: 1"):
        registry.fetch(2, tmp_path / "copy")


def test_where_identifies_the_registry(registry, model):
    registry.push(model("a"), {})
    assert Registry(registry.where).versions() == [1]
