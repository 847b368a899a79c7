"""Changes values in the text of a pipeline.toml and keeps comments, order and layout."""

import copy
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.texts.escaping import toml_string

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Path = tuple[str, ...]
"""Keys from the outermost table to a value: ("evaluation", "thresholds", "auc")."""

_HEADER = re.compile(r"^[ \t]*\[(?!\[)([^\[\]#\n]+)\][ \t]*(#.*)?$")
_KEY = re.compile(r"""^[ \t]*((?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'))[ \t]*=[ \t]*""")
_VALUE = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]|\n|.', re.S
)


@dataclass(frozen=True)
class TextRange:
    """Where a value stands in the text: its own characters, and those of the whole lines with its key."""

    start: int
    end: int
    line: int
    after: int


def leaves(table: Mapping[str, Any], above: Path = ()) -> dict[Path, Any]:
    """Path -> value, of everything that is no table; an empty table is a value."""
    found: dict[Path, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            found |= leaves(value, (*above, key))
        else:
            found[(*above, key)] = value
    return found


def places(text: str) -> tuple[dict[Path, TextRange], dict[Path, int]]:
    """Path of each written value -> its place, and of each table -> where its lines end."""
    found: dict[Path, TextRange] = {}
    ends: dict[Path, int] = {(): 0}
    table: Path = ()
    at = 0
    while at < len(text):
        line_end = text.find("\n", at) + 1 or len(text)
        line = text[at:line_end]
        if header := _HEADER.match(line.rstrip("\r\n")):
            table = _keys(header[1])
            ends[table] = line_end
        elif key := _KEY.match(line):
            start = at + key.end()
            end = _value_end(text, start)
            line_end = text.find("\n", end) + 1 or len(text)
            found[(*table, *_keys(key[1]))] = TextRange(start, end, at, line_end)
            ends[table] = line_end
        elif line.lstrip().startswith("[["):
            table = (line.strip(), str(at))  # one of several: nothing in it is edited
        at = line_end
    return found, ends


def _keys(dotted: str) -> Path:
    parsed: Any = tomllib.loads(f"[{dotted.strip()}]")
    keys = []
    while parsed:
        ((key, parsed),) = parsed.items()
        keys.append(key)
    return tuple(keys)


def _value_end(text: str, start: int) -> int:
    """Where a value ends, brackets balanced, without the blanks and the comment behind it."""
    depth, end = 0, start
    for token in _VALUE.finditer(text, start):
        found = token[0]
        if found in "[{":
            depth += 1
        elif found in "]}":
            depth -= 1
        elif found.startswith("#"):
            continue
        elif found == "\n":
            if depth == 0:
                break
            continue
        if found.strip():
            end = token.end()
    return end


def with_values(text: str, values: Mapping[Path, Any]) -> str:
    """The text with these values: replaced where they are written, else put at the end of their table; None takes out.

    Raises:
      ValueError: The text would not say exactly that, because a table is written in a way that this does not know.
    """
    tables = tomllib.loads(text)
    wanted = leaves(tables)
    for path, value in values.items():
        _set(wanted, path, value)
    new = text
    for path, value in _where_written(text, tables, values).items():
        new = _with(new, path, value)
    try:
        is_right = _filled(leaves(tomllib.loads(new))) == _filled(wanted)
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        raise ValueError("the text cannot be changed without changing something else")
    return new


def _filled(found: Mapping[Path, Any]) -> dict[Path, Any]:
    """Without empty tables: the header of one whose last value is taken out stays."""
    return {path: value for path, value in found.items() if value != {}}


def _where_written(text: str, tables: Mapping[str, Any], values: Mapping[Path, Any]) -> dict[Path, Any]:
    """The changes, those of a value within a table that is written in one line as changes of that line."""
    written, _ = places(text)
    found: dict[Path, Any] = {}
    for path, value in values.items():
        whole = next((path[:size] for size in range(1, len(path)) if path[:size] in written), None)
        if whole is None:
            found[path] = value
            continue
        if whole not in found:
            found[whole] = copy.deepcopy(_at(tables, whole))
        inner = _at(found[whole], path[len(whole) : -1])
        if value is None:
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = value
    return found


def _at(table: Any, path: Path) -> Any:
    for key in path:
        table = table.setdefault(key, {}) if isinstance(table, dict) else table[key]
    return table


def _set(wanted: dict[Path, Any], path: Path, value: Any) -> None:
    for known in [known for known in wanted if known[: len(path)] == path or path[: len(known)] == known]:
        del wanted[known]
    if value is not None:
        wanted.update({(*path[:-1], *key): one for key, one in leaves({path[-1]: value}).items()})


def _with(text: str, path: Path, value: Any) -> str:
    found, ends = places(text)
    if place := found.get(path):
        if value is None:
            return text[: place.line] + text[place.after :]
        return text[: place.start] + toml_value(value) + text[place.end :]
    if value is None:
        return text
    line = f"{_key(path[-1])} = {toml_value(value)}\n"
    table = path[:-1]
    if table in ends:
        at = ends[table]
        gap = "" if at == 0 or text[at - 1] == "\n" else "\n"
        return text[:at] + gap + line + text[at:]
    gap = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{gap}\n[{'.'.join(map(_key, table))}]\n{line}"


def toml_value(value: Any) -> str:
    """Formats a value as TOML, with long arrays on several lines."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {toml_value(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        cells = [toml_value(one) for one in value]
        flat = f"[{', '.join(cells)}]"
        return flat if len(flat) <= 100 else "[\n" + "".join(f"  {cell},\n" for cell in cells) + "]"
    return repr(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_string(key)
