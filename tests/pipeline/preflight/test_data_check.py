import json
import os
from pathlib import Path

import pytest

from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.files import sha256
from components.table_reading.fingerprint import data_fingerprint
from pipeline.preflight.data_check import check_data, check_root, check_schema, entry_digest, share_of, source_of
from pipeline.settings.config import find_config, load_config

SPANS = "data/flights"


@pytest.fixture
def config(project):
    return load_config(find_config("flights"))


def check(config, directory: str = SPANS, span: int | None = None):
    return check_data(source_of(config, directory), span, Path("cache/scans.json"))


def rewrite(span: int, change) -> Path:
    path = Path(SPANS) / f"span-{span:02d}.csv"
    path.write_text(change(path.read_text()))
    return path


def sealed(key: str, scan: dict) -> dict:
    """An entry of the cache with the digest that it has to have."""
    scan.pop("digest", None)
    return {**scan, "digest": entry_digest(key, scan)}


def test_good_data_give_window_and_fingerprint(config):
    checked = check(config)
    assert [file.span for file in checked.window.files] == [1, 2, 3, 4]
    digests = {span: sha256(Path(SPANS) / f"span-0{span}.csv") for span in (1, 2, 3, 4)}
    expected = {"train": [(span, digests[span]) for span in (1, 2, 3)], "eval": [(4, digests[4])]}
    assert checked.fingerprint == data_fingerprint(expected)


def test_the_fingerprint_does_not_know_where_the_files_lie(config, project):
    first = check(config).fingerprint
    (project / "data" / "flights").rename(project / "elsewhere")
    assert check(config, "elsewhere").fingerprint == first
    assert check(config, str(project / "elsewhere")).fingerprint == first
    assert check(config, f"file://{project}/elsewhere").fingerprint == first


def test_another_span_or_byte_is_another_fingerprint(config):
    found = {check(config).fingerprint, check(config, span=3).fingerprint}
    rewrite(1, lambda text: text.replace("EWR", "JFK", 1))
    assert check(config).fingerprint not in found
    assert len(found) == 2


def test_a_file_that_is_as_it_was_is_not_read_again(config):
    check(config)
    kept = json.loads(Path("cache/scans.json").read_text())
    assert len(kept) == 4
    assert {entry["rows"] for entry in kept.values()} == {1000}
    changed = {key: sealed(key, {**entry, "sha256": "from the cache"}) for key, entry in kept.items()}
    Path("cache/scans.json").write_text(json.dumps(changed))
    files = {"train": [(span, "from the cache") for span in (1, 2, 3)], "eval": [(4, "from the cache")]}
    assert check(config).fingerprint == data_fingerprint(files)


def test_a_changed_file_is_read_again_even_if_size_and_time_are_set_back(config):
    first = check(config).fingerprint
    path = Path(SPANS) / "span-02.csv"
    before = path.stat()
    rewrite(2, lambda text: text.replace("EWR", "JFK", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert check(config).fingerprint != first


@pytest.mark.parametrize("position", range(0, 1000, 23))
def test_a_bit_that_changed_in_the_cache_is_noticed(config, position):
    cache = Path("cache/scans.json")
    first = check(config, span=2).fingerprint
    content = bytearray(cache.read_bytes())
    content[position % len(content)] ^= 1
    cache.write_bytes(content)
    assert check(config, span=2).fingerprint == first


@pytest.mark.parametrize("content", ["", "[]", "3", "{", '{"x": 1}', '{"x": {"sha256": "y"}}', "\xff"])
def test_a_broken_cache_is_only_a_cache(config, content):
    first = check(config).fingerprint
    Path("cache/scans.json").write_text(content, encoding="latin-1")
    assert check(config).fingerprint == first


def test_a_cache_that_cannot_be_written_is_named(config):
    Path("cache").write_text("a file")
    with pytest.raises(UsageError, match=r"cache/scans\.json: cannot be written"):
        check(config)


def test_another_schema_reads_the_file_again(config):
    check(config)
    path = config.schema_path
    path.write_text(path.read_text().replace('name: "tailnum"\n  type: BYTES', 'name: "tailnum"\n  type: INT'))
    with pytest.raises(InputError, match=r"column 'tailnum', row 2 .* where the schema says int64"):
        check(config)


def test_a_cached_file_of_one_class_is_refused_again(config):
    rewrite(4, lambda text: "\n".join([line[:-1] + "0" if i else line for i, line in enumerate(text.splitlines())]))
    for _ in range(2):
        with pytest.raises(InputError, match=r"'late' is '?0'? in all 1,000 rows of split eval"):
            check(config)


def test_one_class_in_one_of_the_training_files_is_no_error(config):
    rewrite(2, lambda text: "\n".join([line[:-1] + "0" if i else line for i, line in enumerate(text.splitlines())]))
    assert len(check(config).window.train) == 3


def test_no_label_at_all_is_refused(config):
    rewrite(4, lambda text: "\n".join([line[:-1] if i else line for i, line in enumerate(text.splitlines())]))
    with pytest.raises(InputError, match="no row of split eval has a value in the label column 'late'"):
        check(config)


def test_a_sample_reads_the_window_once_however_often(config):
    source, cache = source_of(config, SPANS), Path("cache/scans.json")
    assert share_of(source, None, 1000, cache) == 0.25  # 4 spans of 1,000 rows
    assert share_of(source, None, 9000, cache) == 1.0
    kept = json.loads(cache.read_text())
    kept = {key: sealed(key, {**scan, "rows": 200, "unlabelled": 50}) for key, scan in kept.items()}
    cache.write_text(json.dumps(kept))
    assert share_of(source, None, 500, cache) == 0.5  # from the cache
    assert check(config).fingerprint  # which a whole run shares
    assert json.loads(cache.read_text()) == kept
    with pytest.raises(UsageError, match="--sample 99: must be at least 100"):
        share_of(source, None, 99, cache)


def test_spans_outside_the_window_are_not_read(config):
    rewrite(4, lambda text: "broken")
    assert [file.span for file in check(config, span=3).window.files] == [1, 2, 3]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"late"', '"delayed"', "[dataset] label: 'delayed'"),
        ('["row_id"]', '["id"]', "[dataset] id: 'id'"),
        ('"carrier", "origin"', '"airline", "origin"', "[features]: 'airline'"),
        ('[["origin"]', '[["airport"]', "[drift] slices: 'airport'"),
        ('[["origin"], ["carrier"]]\nmin', '[["airport"]]\nmin', "[evaluation] slices: 'airport'"),
        ("sched_dep = 1440", "departure = 1440", "[features]: 'departure'"),
    ],
)
def test_a_column_that_the_schema_has_not_is_refused_with_those_it_has(project, old, new, key):
    path = find_config("flights")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        check_schema(load_config(path))
    assert str(error.value).startswith(f"{path}: {key} is not in schemas/flights/schema.pbtxt; available: row_id, ")


@pytest.mark.parametrize("content", [b"feature {", b"\xff", b""])
def test_a_broken_schema_is_named(config, content):
    config.schema_path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^schemas/flights/schema\.pbtxt: ") as error:
        check_schema(config)
    assert len(str(error.value).splitlines()) == 1


def test_a_root_is_made_and_left_empty(tmp_path):
    check_root(tmp_path / "a" / "b")
    assert os.listdir(tmp_path / "a" / "b") == []


def test_a_root_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        with pytest.raises(UsageError, match="cannot be written") as error:
            check_root(root)
        assert str(error.value).startswith(f"{root}: ")
        assert "--root" in str(error.value)
