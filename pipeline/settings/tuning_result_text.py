"""Search results as one line of text, and as an edit of [training] in pipeline.toml that keeps all other text."""

import re
import sys
from collections.abc import Mapping
from typing import Any

from components.shared.statistics.metric_names import METRIC_NAMES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HEADER = re.compile(r"^\s*\[")
TABLES = {"": "training", "trees": "training.trees"}


def dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Flattens {"dropout": 0.1, "trees": {"num_leaves": 31}} to {"dropout": 0.1, "trees.num_leaves": 31}."""
    own = {name: value for name, value in settings.items() if name != "trees"}
    return {**own, **{f"trees.{name}": value for name, value in settings.get("trees", {}).items()}}


def shown(value: Any) -> str:
    """Returns a value in TOML notation: 31, 0.1, [256, 128]."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(shown(one) for one in value)}]"
    return repr(value)


def in_short(found: Mapping[str, Any], most: int = 0) -> str:
    """Summarises a search in one line, with at most `most` settings; 0: all."""
    count, metric = len(found["trials"]), METRIC_NAMES.get(found["metric"], found["metric"])
    failed = sum(trial["score"] is None for trial in found["trials"])
    tried = f"{count} trial{'s' if count > 1 else ''}{f' ({failed} failed)' if failed else ''}, "
    name = metric if metric.isupper() else metric.lower()
    if not found["adopted"]:
        best = (
            ""
            if found["best"] == found["before"]
            else f"; the best trial, {found['best']:.4f}, is not significantly better"
        )
        return f"{tried}{name} {found['before']:.4f}: settings unchanged{best}"
    before = "none" if found["before"] is None else f"{found['before']:.4f}"
    settings = [f"{name} {shown(value)}" for name, value in dotted(found["settings"]).items()]
    more = f" and {len(settings) - most} more" if most and len(settings) > most else ""
    return f"{tried}{name} {before} -> {found['after']:.4f}: {', '.join(settings[: most or None])}{more}"


def edited(text: str, settings: Mapping[str, Any]) -> str:
    """Sets settings in the text of a pipeline.toml: replaces values in place, or appends them to their table.

    Args:
      text: A valid pipeline.toml.
      settings: Keys and values of the table [training].

    Raises:
      ValueError: The layout is not supported, for instance an inline table.
    """
    wanted = tomllib.loads(text)
    training = wanted.setdefault("training", {})
    for name, value in settings.items():
        training[name] = {**training.get("trees", {}), **value} if name == "trees" else _plain(value)
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    for name, value in dotted(settings).items():
        table, _, key = name.rpartition(".")
        lines = _set(lines, TABLES[table], key, shown(value))
    after = end.join(lines)
    try:
        parsed_equal = tomllib.loads(after) == wanted
    except tomllib.TOMLDecodeError:
        parsed_equal = False
    if not parsed_equal:
        told = ", ".join(f"{name} = {shown(value)}" for name, value in dotted(settings).items())
        raise ValueError(f"the layout of [training] cannot be edited automatically; set by hand: {told}")
    return after


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _set(lines: list[str], table: str, key: str, value: str) -> list[str]:
    name = r"\s*\.\s*".join(table.split("."))
    header = re.compile(rf"^\s*\[\s*{name}\s*\]\s*(#.*)?$")
    heads = [number for number, line in enumerate(lines) if header.match(line)]
    if not heads:
        return _with_table(lines, table, f"{key} = {value}")
    start = heads[0] + 1
    end = next((number for number in range(start, len(lines)) if HEADER.match(lines[number])), len(lines))
    pattern = re.compile(rf"^(\s*{re.escape(key)}\s*=\s*)([^#]*?)(\s*#.*)?$")
    for number in range(start, end):
        if found := pattern.match(lines[number]):
            changed = f"{found[1]}{value}{found[3] or ''}"
            return [*lines[:number], changed, *lines[number + 1 :]]
    # A comment before the next table belongs to that table.
    last = max((n for n in range(start, end) if lines[n].strip() and lines[n].strip()[0] != "#"), default=heads[0])
    return [*lines[: last + 1], f"{key} = {value}", *lines[last + 1 :]]


def _with_table(lines: list[str], table: str, first: str) -> list[str]:
    """Appends the table to the file; TOML tables may be in any order."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return [*lines, "", f"[{table}]", first, ""]
