"""Text that comes from data, as each kind of output can show it: one function a kind, and nobody else escapes.

    terminal, log     on_one_line      a value within a line
                      for_terminal     a whole text of many lines
                      for_a_terminal   all texts in a record, before it is put into lines
    HTML, SVG         xml_text         characters that XML does not know; markup is escaped by Jinja2, html.escape
    Markdown          markdown_text    within a paragraph or a table's cell
                      markdown_block   a text of many lines, as it stands
    pipeline.toml     toml_string      a string with its quotes
    schema.pbtxt      pbtxt_text       protobuf's text format of a message

A column's name, a category or a file's name may hold an escape sequence that rewrites the terminal, a line break that
fakes a line of ours, or a mark that reverses the order in which the rest is shown (CVE-2021-42574).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

Shown = TypeVar("Shown")

_REORDERING = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates: they change the order of what stands beside them."""
_NOT_XML = re.compile(f"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\x85|[{_REORDERING}]")
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&!])")


def on_one_line(text: str) -> str:
    """A value within a line: what is no print (control and format characters, line breaks) as its Python escape."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def for_terminal(text: str) -> str:
    """A text of many lines: line breaks stay, all else that is no print becomes its Python escape."""
    return "\n".join(map(on_one_line, text.split("\n")))


def for_a_terminal(value: Shown) -> Shown:
    """A copy of a record in which every text is `on_one_line`: in frozen dataclasses, mappings, lists and tuples.

    What is of another type stays as it is. A record goes through here before it is put into lines, because a line break
    in a value cannot be told from our own afterwards.
    """
    found: Shown = _shown(value)
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return on_one_line(value) if type(value) is str else value
    if isinstance(value, Mapping):
        return {_shown(key): _shown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    if type(value) is tuple:
        return tuple(_shown(inner) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        new = {name: _shown(inner) for name, inner in old.items()}
        changed = {name: inner for name, inner in new.items() if inner is not old[name] and inner != old[name]}
        return replace(value, **changed) if changed else value
    return value


def _escape(character: str) -> str:
    return repr(character)[1:-1] if character != "'" else character


def xml_text(text: str) -> str:
    """U+FFFD for what XML has no place for (control characters, lone surrogates) and for what reorders its neighbours.

    Not for markup: `<` and `&` are escaped where the text is put into a page.
    """
    return _NOT_XML.sub("\ufffd", text)


def markdown_text(text: str) -> str:
    """On one line, with what Markdown or HTML would take for markup escaped."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def markdown_block(text: str) -> str:
    """Lines as they are, in a fenced block that nothing within it closes."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{xml_text(text)}\n{fence}\n"


def toml_string(text: str) -> str:
    """A TOML string: a JSON string, with what is no print escaped; a lone surrogate, which TOML refuses, as U+FFFD."""
    quoted = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return "".join(
        character
        if character.isprintable()
        else f"\\U{ord(character):08x}"
        if character > "\uffff"
        else f"\\u{ord(character):04x}"
        for character in quoted
    )


def pbtxt_text(text: str) -> str:
    """Text format in UTF-8, as text_format writes it, with what is no print in its strings as octal escapes."""
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else "".join(f"\\{byte:03o}" for byte in character.encode())
        for character in text
    )
