"""Escapes text from data for each kind of output; the only place that does so.

    terminal, log     on_one_line      a value within a line
                      for_terminal     a text of several lines
                      for_a_terminal   all texts in a record, before it is formatted
    HTML, SVG         xml_text         characters that XML does not allow; markup is escaped by Jinja2, html.escape
    Markdown          markdown_text    within a paragraph or a table cell
                      markdown_block   a text of several lines, verbatim
    pipeline.toml     toml_string      a string with its quotes
    schema.pbtxt      pbtxt_text       protobuf's text format of a message

A column name, a category or a file name may contain an escape sequence that rewrites the terminal, a line break that
imitates a line of Plumbline's output, or a mark that reverses the order of the characters after it (CVE-2021-42574).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

Shown = TypeVar("Shown")

_REORDERING = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates, which change the order in which adjacent characters are displayed."""
_NOT_XML = re.compile(f"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\x85|[{_REORDERING}]")
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&!])")


def on_one_line(text: str) -> str:
    """Escapes a value within a line: characters that are not printable, line breaks among them, as in Python."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def for_terminal(text: str) -> str:
    """Escapes a text of several lines: keeps line breaks, escapes other characters that are not printable."""
    return "\n".join(map(on_one_line, text.split("\n")))


def for_a_terminal(value: Shown) -> Shown:
    """Returns a copy of a record with `on_one_line` applied to all texts in dataclasses, mappings, lists and tuples.

    Values of other types are unchanged. This is applied before a record is formatted, because afterwards line breaks in
    values cannot be distinguished from those of the format.
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
    """Replaces characters that XML does not allow (control characters, lone surrogates) or that reorder text by U+FFFD.

    It does not escape markup: `<` and `&` are escaped when the text is inserted into a page.
    """
    return _NOT_XML.sub("\ufffd", text)


def markdown_text(text: str) -> str:
    """Puts a text on one line and escapes Markdown and HTML markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def markdown_block(text: str) -> str:
    """Puts lines verbatim into a fenced block whose fence does not occur in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{xml_text(text)}\n{fence}\n"


def toml_string(text: str) -> str:
    """Quotes a TOML string, with escapes for characters that are not printable, and U+FFFD for lone surrogates."""
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
    """Escapes characters that are not printable in protobuf's text format, as octal escapes."""
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else "".join(f"\\{byte:03o}" for byte in character.encode())
        for character in text
    )
