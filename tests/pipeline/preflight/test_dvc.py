"""DVC's hash of a folder. The literals are what DVC 3.67.1 itself wrote for these files."""

import json

import pytest

from pipeline.preflight.dvc import folder_md5, tracked

FILES = {"a/ü.csv": b"x\r\ny\n", "a.csv": b"1", 'b/q"q.csv': b"2", "B.csv": b"3", "a-.csv": b"4"}
MD5 = "50acfe648b357cc51edf348e6e9e8cc5.dir"
DVC_FILE = f"outs:\n- md5: {MD5}\n  size: 9\n  nfiles: 5\n  hash: md5\n  path: d\n"


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "d.dvc").write_text(DVC_FILE)
    return tmp_path / "d"


def test_hash_is_dvcs(folder):
    assert folder_md5(folder) == MD5


def test_folder_that_is_what_was_added(folder):
    found = tracked(str(folder))
    assert found is not None
    assert (found.md5, found.same) == (MD5, True)
    assert json.loads(found.to_json()) == {"file": f"{folder}.dvc", "md5": MD5, "same": True}
    assert tracked(f"{folder}/") == found


def test_one_changed_byte(folder):
    (folder / "a.csv").write_bytes(b"9")
    found = tracked(str(folder))
    assert found is not None and found.same is False


def test_hash_of_an_older_dvc_cannot_be_compared(folder):
    folder.with_suffix(".dvc").write_text(DVC_FILE.replace("  hash: md5\n", ""))
    found = tracked(str(folder))
    assert found is not None and found.same is None


def test_not_under_dvc(folder, tmp_path):
    assert tracked(str(tmp_path / "nothing")) is None
    assert tracked("s3://bucket/d") is None
    folder.with_suffix(".dvc").write_text("outs: []\n")
    assert tracked(str(folder)) is None
    folder.with_suffix(".dvc").unlink()
    assert tracked(str(folder)) is None
