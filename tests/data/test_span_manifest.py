"""spans.json of the made data sets."""

from pathlib import Path

import pytest

from components.shared.errors import UsageError
from data.span_manifest import check_owner, code_digest, read_manifest, span_numbers, write_manifest


def test_manifest_reads_as_written(tmp_path: Path):
    write_manifest(tmp_path, {"made_by": "data.x", "seed": 7}, [{"span": 1}])
    assert read_manifest(tmp_path) == {"made_by": "data.x", "seed": 7, "spans": [{"span": 1}]}


@pytest.mark.parametrize("content", [None, b'{"made_by": "da', b"[1]", b"\xff"])
def test_manifest_that_cannot_be_read_is_empty(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "spans.json").write_bytes(content)
    assert read_manifest(tmp_path) == {}


def test_spans_of_something_else_are_refused(tmp_path: Path):
    check_owner(tmp_path, "data.x")
    (tmp_path / "span-01.csv").touch()
    with pytest.raises(UsageError, match=r"span-01.csv is not of data.x, as spans.json says; choose another folder"):
        check_owner(tmp_path, "data.x")
    write_manifest(tmp_path, {"made_by": "data.y"}, [])
    with pytest.raises(UsageError):
        check_owner(tmp_path, "data.x")
    check_owner(tmp_path, "data.y")


def test_span_numbers_are_read_from_names(tmp_path: Path):
    for name in ("span-02.csv", "span-10.csv", "span-x.csv", "span-03", "other.csv"):
        (tmp_path / name).touch()
    assert span_numbers(tmp_path, ".csv") == [2, 10]
    assert span_numbers(tmp_path) == [3]


def test_digest_of_code_depends_on_every_module():
    one, two = code_digest("steel_random"), code_digest("steel_random", "steel_shapes")
    assert len(one) == len(two) == 64 and one != two
