"""Edits a hand-written schema.pbtxt and keeps comments, order and layout.

The text is scanned into fields with their positions, the parsed message is compared with the wanted one, and only
differing positions are rewritten. It is an error if the result, parsed again, differs from the wanted message.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.errors import ConfigError, UsageError
from components.shared.texts.escaping import pbtxt_text
from components.table_reading.column_types import parse_schema

_TOKEN = re.compile(
    r"(?P<skip>\s+|#[^\n]*)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<mark>[{}<>\[\]:,;])"
    r"|(?P<word>[^\s{}<>\[\]:,;#\"']+)"
)
_CLOSE = {"{": "}", "<": ">"}
_BOM = "\ufeff"


@dataclass
class Body:
    """The inside of a message, `text[start:end]`, without its brackets."""

    start: int
    end: int
    fields: list["Field"] = field(default_factory=list)


@dataclass
class Field:
    """One value of a field: `text[start:end]` with its name and separator, of a list's item the value alone."""

    name: str
    start: int
    end: int
    value: tuple[int, int]
    body: Body | None
    """Of a message; None for a scalar."""
    listed: bool = False
    """Whether it is an item of a list in square brackets."""
    tail: int = 0
    """Where that list ends, behind its separator."""


class _Scanner:
    """Scans text format for the positions of its fields. text_format also rejects what this cannot read."""

    def __init__(self, text: str) -> None:
        found = list(_TOKEN.finditer(text))
        if sum(len(token[0]) for token in found) != len(text):
            raise ValueError("an unclosed string")
        self._tokens = [token for token in found if token.lastgroup != "skip"]
        self._at = 0
        self._length = len(text)

    def whole(self) -> Body:
        return self._body(0, "")

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _take(self) -> re.Match[str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _body(self, start: int, close: str) -> Body:
        fields: list[Field] = []
        while self._peek() != close:
            fields += self._field()
        return Body(start, self._take().start() if close else self._length, fields)

    def _field(self) -> list[Field]:
        name = self._take()
        if name[0] == "[":  # an extension
            while self._take()[0] != "]":
                pass
        if self._peek() == ":":
            self._take()
        if self._peek() == "[":
            return self._list(name[0])
        (start, end), body = self._value()
        if self._peek() in (",", ";"):
            return [Field(name[0], name.start(), self._take().end(), (start, end), body)]
        return [Field(name[0], name.start(), end, (start, end), body)]

    def _list(self, name: str) -> list[Field]:
        items: list[Field] = []
        self._take()
        while self._peek() != "]":
            (start, end), body = self._value()
            items.append(Field(name, start, end, (start, end), body, listed=True))
            if self._peek() == ",":
                self._take()
        tail = self._take()
        if self._peek() in (",", ";"):
            tail = self._take()
        return [replace(item, tail=tail.end()) for item in items]

    def _value(self) -> tuple[tuple[int, int], Body | None]:
        first = self._take()
        if first[0] in _CLOSE:
            body = self._body(first.end(), _CLOSE[first[0]])
            return (first.start(), body.end + 1), body
        last = first
        while first.lastgroup == "string" and self._peek()[:1] in ("'", '"') and self._peek():
            last = self._take()
        return (first.start(), last.end()), None


class _Rewriter:
    """Collects the replacements that turn the text of one message into that of another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.eol = "\r\n" if "\r\n" in text else "\n"
        self._edits: list[tuple[int, int, str]] = []

    def result(self) -> str:
        """The text with all replacements."""
        parts, at = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):  # stable: in the order they were made
            parts += [self.text[at:start], new]
            at = end
        return "".join([*parts, self.text[at:]])

    def message(self, body: Body, now: Any, wanted: Any) -> None:
        """Edits the text of `body`, whose value is `now`, so that its value becomes `wanted`."""
        gone: list[Field] = []
        new: list[tuple[str, Any]] = []
        for about in now.DESCRIPTOR.fields:
            name, places = about.name, [one for one in body.fields if one.name == about.name]
            have, want = _values(now, about), _values(wanted, about)
            if have == want:
                continue
            for place, old, one in zip(places, have, want, strict=False):
                if old == one:
                    continue
                if place.body is not None:
                    self.message(place.body, old, one)
                else:
                    self._edits.append((*place.value, _scalar(wanted, about, one)))
            gone += places[len(want) :]
            new += [(name, _only(wanted, about, one)) for one in want[len(have) :]]
        for place in gone:
            self._remove(place)
        kept = [one for one in body.fields if one not in gone]
        for name, message in new:
            same = [one for one in kept if one.name == name]
            self._insert(body, (same or kept)[-1] if kept else None, name, message)

    def _insert(self, body: Body, after: Field | None, name: str, message: Any) -> None:
        """Inserts a field after another, or into an empty message, in the surrounding layout."""
        if after is None:
            inside = self.text[body.start : body.end]
            if "\n" in inside:
                at = body.start + inside.rindex("\n") + 1
                margin = self.text[at : body.end] if not self.text[at : body.end].strip() else ""
                self._edits.append((at, at, f"{margin}  {_printed(message)}{self.eol}"))
            else:
                self._edits.append((body.start, body.end, f" {_printed(message)} "))
            return
        if after.listed and after.name == name:
            text = _printed(message).removeprefix(name).lstrip(": ")
            self._edits.append((after.end, after.end, f", {text}"))
            return
        if after.listed:  # behind the list, not in it
            after = replace(after, end=after.tail, listed=False)
        indent, end = self._indent(after.start), after.end
        if indent is None:
            self._edits.append((end, end, f" {_printed(message)}{self._separator(after)}"))
            return
        text = indent + self._block(after, name, message, indent) + self._separator(after)
        rest = re.compile(r"[ \t\r]*(?:#[^\n]*)?(\n|\Z)").match(self.text, end)
        # Blocks are separated by a blank line if the file does so elsewhere.
        gap = self.eol if not indent and text.count("\n") and re.search(r"\n[ \t\r]*\n", self.text) else ""
        if rest and rest[1]:
            self._edits.append((rest.end(), rest.end(), f"{gap}{text}{self.eol}"))
        else:
            at = rest.end() if rest else re.compile(r"\r?(?=\n)|").match(self.text, end).end()  # type: ignore[union-attr]
            self._edits.append((at, at, f"{self.eol}{gap}{text}"))

    def _block(self, sibling: Field, name: str, message: Any, indent: str) -> str:
        """Formats a field like its sibling: on one line or, at the outermost level, one line for each inner field."""
        (about, inner), *_ = message.ListFields()
        alike = sibling.body if sibling.name == name else None
        on_one_line = bool(indent) or about.message_type is None or not about.is_repeated
        if alike is not None and "\n" not in self.text[alike.start : alike.end]:
            on_one_line = True
        if on_one_line:
            return _printed(message)
        first = self._indent(alike.fields[0].start) if alike and alike.fields else None
        order = {one.name: place for place, one in enumerate(alike.fields)} if alike else {}
        parts = sorted(inner[0].ListFields(), key=lambda part: order.get(part[0].name, len(order)))
        printed = [_printed(_only(inner[0], one, value)) for one, _ in parts for value in _values(inner[0], one)]
        lines = [(first or "  ") + line for line in printed]
        return self.eol.join([f"{name} {{", *lines, "}"])

    def _remove(self, place: Field) -> None:
        """Removes a field, with its line if nothing else is on it. Comments in it are kept."""
        start, end = place.start, place.end
        inside = [token for token in _TOKEN.finditer(self.text, start, end) if token[0].startswith("#")]
        indent = self._indent(start)
        rest = re.compile(r"[ \t\r]*(\n|\Z)").match(self.text, end)
        if indent is not None and rest:
            start, end = start - len(indent), rest.end()
        elif indent is None and not inside:
            start -= len(self.text[:start]) - len(self.text[:start].rstrip(" \t"))
        kept = "".join(f"{indent or ''}{token[0].rstrip()}{self.eol}" for token in inside)
        self._edits.append((start, end, kept))

    def _indent(self, at: int) -> str | None:
        """Returns the indentation of a position; None if other text precedes it on the line."""
        before = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return before if not before.strip(" \t") else None

    def _separator(self, place: Field) -> str:
        last = self.text[place.end - 1]
        return last if last in ",;" and place.end > place.value[1] else ""


def rewritten(text: str, wanted: schema_pb2.Schema, name: str = "schema.pbtxt") -> str:
    """Rewrites the text of a schema where it differs from the wanted schema.

    Byte order mark, line ends, comments, order and layout stay. New fields follow the last field of the same name, or
    the last field of the message.

    Args:
      text: A valid schema.pbtxt.
      wanted: The wanted schema. Items of repeated fields are compared by position, so new items belong at the end.
      name: Name of the file, for messages.

    Raises:
      ConfigError: The text is not a valid schema, or cannot be rewritten exactly.
    """
    mark = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    now = parse_schema(text, name)
    try:
        rewriter = _Rewriter(text)
        rewriter.message(_Scanner(text).whole(), now, wanted)
        new = rewriter.result()
        if text_format.Parse(new, schema_pb2.Schema()) == wanted:
            return mark + new
        reason = "the edited text would have another meaning"
    except (ValueError, IndexError, TypeError, text_format.ParseError) as exc:
        reason = " ".join(str(exc).split())
    raise ConfigError(
        f"{name}: cannot be edited without losing its layout ({reason}); nothing is written, edit by hand"
    )


def _values(message: Any, about: Any) -> list:
    """Returns a field's values; [] if it is not set."""
    if about.is_repeated:
        return list(getattr(message, about.name))
    return [getattr(message, about.name)] if message.HasField(about.name) else []


def _only(message: Any, about: Any, value: Any) -> Any:
    """Returns a message of the same type with one field set to one value."""
    return type(message)(**{about.name: [value] if about.is_repeated else value})


def _printed(message: Any) -> str:
    text: str = pbtxt_text(text_format.MessageToString(message, as_one_line=True, as_utf8=True))
    return text.strip()


def _scalar(message: Any, about: Any, value: Any) -> str:
    return _printed(_only(message, about, value)).removeprefix(about.name).lstrip(": ")


def feature_named(schema: Any, name: str) -> Any:
    """Returns the schema's feature of this name; UsageError if there is none."""
    known = {feature.name: feature for feature in schema.feature}
    if name not in known:
        raise UsageError(f"feature '{name}': not in the schema; available: {', '.join(known)}")
    return known[name]


def domain_of(schema: Any, feature: Any) -> Any:
    """Returns the string domain of a feature, its own or a shared one; None if it has none."""
    if feature.HasField("string_domain"):
        return feature.string_domain
    return next((one for one in schema.string_domain if feature.domain and one.name == feature.domain), None)
