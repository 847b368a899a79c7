import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.texts.escaping import (
    for_a_terminal,
    for_terminal,
    markdown_block,
    markdown_text,
    on_one_line,
    pbtxt_text,
    toml_string,
    xml_text,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HOSTILE = "a\x1b[2J\n\u202eb\x9b\r\x00c\ud800"


def test_value_on_one_line():
    assert on_one_line("Zürich 東京 'x'") == "Zürich 東京 'x'"
    assert on_one_line(HOSTILE) == r"a\x1b[2J\n\u202eb\x9b\r\x00c\ud800"
    assert on_one_line("\x1b'") == r"\x1b'"


@given(st.text())
def test_terminal_text_is_printable_apart_from_line_breaks(text):
    assert on_one_line(text).isprintable()
    assert for_terminal(text).replace("\n", "").isprintable()
    assert for_terminal(text).count("\n") == text.count("\n")
    for_terminal(text).encode()  # no lone surrogate is left


def test_record_is_copied_with_its_texts_on_one_line():
    @dataclass(frozen=True)
    class Row:
        name: str
        values: tuple[str, ...]
        more: dict[str, list[str]]
        path: Path
        number: float

    row = Row("a\nb", ("\x1b[0m", "c"), {"k\r": ["\u2066"]}, Path("p\n"), 1.5)
    shown = for_a_terminal(row)
    assert shown == Row(r"a\nb", (r"\x1b[0m", "c"), {r"k\r": [r"\u2066"]}, Path("p\n"), 1.5)
    assert row.name == "a\nb"
    plain = Row("a", (), {}, Path(), 0.0)
    assert for_a_terminal(plain) is plain
    assert for_a_terminal([row])[0].name == r"a\nb"


@given(st.text())
def test_xml_has_no_control_character_and_no_reordering_mark(text):
    for character in xml_text(text):
        assert character in "\t\n\r" or unicodedata.category(character) not in ("Cc", "Cs")
        assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_xml_keeps_characters_that_scripts_need():
    assert xml_text("\u200f\u05d0\u200d\U0001f600\u061c") == "\u200f\u05d0\u200d\U0001f600\u061c"


def test_markdown():
    assert markdown_text("a|b\n<script>[x](javascript:1)`") == r"a\|b \<script\>\[x\](javascript:1)\`"
    assert markdown_block("a\n<b>") == "```text\na\n<b>\n```\n"
    assert markdown_block("x\n````\n<script>").splitlines()[0] == "`````text"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_toml_round_trip(text):
    written = toml_string(text)
    assert written.isprintable()
    assert tomllib.loads(f"x = {written}")["x"] == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_text_format_round_trip(text):
    written = pbtxt_text(text_format.MessageToString(schema_pb2.Feature(name=text), as_utf8=True))
    assert written.replace("\n", "").isprintable()
    assert text_format.Parse(written, schema_pb2.Feature()).name == text
