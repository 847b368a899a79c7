import io
import tracemalloc

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.column_types import arrow_types
from components.table_reading.csv.encoding_detection import look_at
from components.table_reading.csv.transcoding import Transcoded, encoding_name
from components.table_reading.read_limits import Limits
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.spans import SpanFile

LOCAL = fs.LocalFileSystem()
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")


def transcoded(content: bytes, encoding: str, size: int) -> bytes:
    stream = Transcoded(io.BytesIO(content), "x.csv", encoding)
    return b"".join(iter(lambda: stream.read(size), b""))


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(WIDE), st.integers(1, 9))
def test_transcoding_does_not_depend_on_block_size(text, encoding, size):
    assert transcoded(text.encode(encoding), encoding, size) == text.removeprefix("\ufeff").encode()


@given(st.text(st.characters(codec="cp1252"), max_size=60), st.integers(1, 9))
def test_single_byte_encodings_are_transcoded_unless_content_is_utf8(text, size):
    content = text.encode("cp1252")
    try:
        content.decode()
    except UnicodeDecodeError:
        assert transcoded(content, "cp1252", size) == text.encode()


def test_utf8_content_with_another_encoding_setting_is_an_error():
    with pytest.raises(InputError, match="x.csv: looks like utf-8, but \\[data\\] encoding is cp1252"):
        transcoded("a\nGenève\n".encode(), "cp1252", 3)
    assert transcoded(b"a\nGeneva\n", "cp1252", 3) == b"a\nGeneva\n"


def test_bytes_outside_the_encoding_are_an_error():
    with pytest.raises(InputError, match="is not cp1252"):
        transcoded(b"a\n\x81\n", "cp1252", 3)


@pytest.mark.parametrize(
    ("name", "known"), [("UTF8", "utf-8"), ("utf-8-sig", "utf-8"), ("ascii", "utf-8"), ("windows-1252", "cp1252")]
)
def test_names_of_encodings(name, known):
    assert encoding_name(name) == known


@pytest.mark.parametrize("name", ["nonsense", "hex", "rot13", ""])
def test_unknown_and_binary_encodings(name):
    with pytest.raises(LookupError):
        encoding_name(name)


CITIES = "Genève;Zürich;Besançon;Málaga\n"


@pytest.mark.parametrize(
    ("encoding", "text", "found", "certain"),
    [
        ("utf-8", CITIES, "utf-8", True),
        ("utf-8-sig", CITIES, "utf-8", True),
        ("utf-16", "a\n1\n", "utf-16", True),
        ("utf-16-le", CITIES, "utf-16-le", True),
        ("utf-16-be", CITIES, "utf-16-be", True),
        ("utf-32", CITIES, "utf-32", True),
        ("cp1252", CITIES, "cp1252", False),
        ("latin-1", "Malmö;Västerås\n", "cp1252", False),
        ("cp1252", "“5 €” it\u2019s\n", "cp1252", False),
        ("cp1250", "Gdańsk;Łódź;Wrocław\n", "cp1250", False),
        ("cp1250", "Plzeň;Přerov;České Budějovice\n", "cp1250", False),
        ("cp1251", "Москва;Казань;Тверь\n", "cp1251", False),
        ("koi8-r", "Москва;Казань;Тверь\n", "koi8-r", False),
        ("cp1253", "Αθήνα;Θεσσαλονίκη\n", "cp1253", False),
        ("cp1254", "İstanbul;A\u011fr\u0131;Muş\n", "cp1254", False),
        ("mac_roman", CITIES, "mac_roman", False),
        ("cp850", "Genève;Zürich\n", "cp850", False),
        ("shift_jis", "東京;大阪;名古屋\n" * 5, "cp932", False),
        ("gb18030", "北京;上海;广州\n" * 5, "gb18030", False),
        ("big5", "臺北;高雄;臺中\n" * 5, "big5", False),
        ("euc_kr", "서울;부산\n" * 5, "cp949", False),
    ],
)
def test_encoding_detection(encoding, text, found, certain):
    guess = look_at(io.BytesIO(text.encode(encoding)), 1 << 18, 1 << 18).guess
    assert (guess.encoding, guess.certain) == (found, certain)
    if not certain:
        assert all(word in text for word in guess.words)


def test_mixed_encodings_are_reported():
    content = "Köln\nKöln\n".encode() + "Köln\n".encode("latin-1")
    guess = look_at(io.BytesIO(content), 1 << 18, 1 << 18).guess
    assert (guess.encoding, guess.mixed) == ("utf-8", True)


def test_a_large_file_in_utf16_is_streamed(tmp_path):
    rows = 600_000
    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-16", newline="") as file:
        file.write("n\tcity\n")
        for start in range(0, rows, 10_000):
            file.write("".join(f"{row}\tZürich {row % 7} {'x' * 30}\n" for row in range(start, start + 10_000)))
    span = SpanFile(0, str(path), path.name, path.stat().st_size, 0)
    # Arrow reads up to 32 blocks ahead; a row's limit is also the size of a block.
    options = ReadOptions(delimiter="\t", encoding="utf-16", limits=Limits(max_line_bytes=64 << 10))
    total, seen, before = 0, 0, pa.total_allocated_bytes()
    tracemalloc.start()
    held = 0
    for batch in read_batches(LOCAL, span, arrow_types({"n": "int64", "city": "string"}), options):
        assert batch.column(0)[0].as_py() == seen
        assert batch.column(1)[0].as_py().startswith(f"Zürich {seen % 7} ")
        seen += batch.num_rows
        total += sum(batch.column(0).to_pylist())
        held = max(held, pa.total_allocated_bytes() - before)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (seen, total) == (rows, rows * (rows - 1) // 2)
    assert span.bytes > 50 << 20
    assert held < 16 << 20
    assert peak < 16 << 20
