import io
import zipfile

import pytest

from components.shared.errors import InputError
from components.table_reading.read_limits import EXPANSION_FLOOR
from tests.components.table_reading.sources import csv_bytes, read, zipped


def test_macos_metadata_is_ignored(tmp_path):
    members = {"inner/t.csv": csv_bytes(), "__MACOSX/inner/._t.csv": b"x", "inner/.DS_Store": b"x"}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    (tmp_path / "t.zip").write_bytes(content.getvalue())
    assert read(str(tmp_path), "t.zip").num_rows == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(a__csv=b"x")[:20], "is not a zip archive, or is truncated"),
        (zipped(a__csv=b"x", b__csv=b"x"), "the archive holds 2 files, where one is expected: a.csv, b.csv; unpack it"),
        (zipped(**{"__MACOSX/x": b"x"}), "the archive holds no file"),
        (zipped(a__doc=b"x"), "holds a.doc, an unsupported format"),
        (zipped(a__zip=zipped()), "holds a.zip, an unsupported format"),
        (b"PK\x03\x04 broken", "is not a zip archive, or is truncated"),
        (zipped(a__csv=csv_bytes())[:-30], "cannot be unpacked"),
        (b"a,b\n1,2\n", "is not a zip archive, or is truncated"),
    ],
    ids=["cut off", "two files", "no file", "a.doc", "zip in a zip", "broken", "cut off at the end", "text"],
)
def test_refused(tmp_path, content, message):
    (tmp_path / "t.zip").write_bytes(content)
    with pytest.raises(InputError, match=f"t.zip: {message}"):
        read(str(tmp_path), "t.zip")


def test_a_damaged_member(tmp_path):
    content = bytearray(zipped(a__csv=csv_bytes()))
    content[45] ^= 0xFF
    (tmp_path / "t.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"t.zip: cannot be unpacked"):
        read(str(tmp_path), "t.zip")


def test_decompression_bomb(tmp_path):
    (tmp_path / "t.zip").write_bytes(zipped(a__csv=b"a\n" + b"0" * (EXPANSION_FLOOR + (8 << 20))))
    with pytest.raises(InputError, match=r"t.zip, a.csv: unpacks to more than 500 times its size .* max_expansion"):
        read(str(tmp_path), "t.zip", {})


def test_a_misfit_names_the_member(tmp_path):
    (tmp_path / "t.zip").write_bytes(zipped(a__csv=b"n\n1\nx\n"))
    with pytest.raises(InputError, match=r"t.zip, a.csv: column 'n', row 3 .*: invalid value 'x'"):
        read(str(tmp_path), "t.zip", {"n": "int64"})
