"""Every example of pipeline.toml in the documentation is accepted; columns of the flights that it names exist."""

import re
import shlex
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from docs.checks.tracked import ROOT, tracked
from pipeline.cli.command_line import build_parser
from pipeline.onboarding.schema.schema_diff import read_schema
from pipeline.settings.config import Config, load_config
from tests.docs.test_documented_commands import code_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLES = frozenset(Config.model_fields) - {"path"}
FLIGHTS = tomllib.loads((ROOT / "schemas/flights/pipeline.toml").read_text(encoding="utf-8"))


def blocks(text: str) -> Iterator[str]:
    """Fenced and indented blocks of code, without their indentation."""
    for _, fenced in re.findall(r"^( *)```[a-z]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield textwrap.dedent(fenced)
    plain = re.sub(r"^( *)```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    for indented in re.findall(r"(?:^(?: {4,}\S.*|[ \t]*)\n)+", plain, re.MULTILINE):
        yield textwrap.dedent(indented)


def settings_examples() -> list[tuple[str, str]]:
    """(page, TOML) of all blocks with a table of pipeline.toml as a heading."""
    found = []
    for page in tracked():
        if not page.endswith(".md"):
            continue
        for block in blocks((ROOT / page).read_text(encoding="utf-8")):
            headings = re.findall(r"^\[\[?([a-z_]+)[\w.\"-]*\]\]?\s*(?:#.*)?$", block, re.MULTILINE)
            if headings and set(headings) <= TABLES:
                first = block[re.search(r"^\[", block, re.MULTILINE).start() :]
                found.append((page, first))
    return found


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for key, value in more.items():
        both[key] = merged(both[key], value) if isinstance(both.get(key), dict) and isinstance(value, dict) else value
    return both


def test_there_are_examples():
    assert len(settings_examples()) >= 8


@pytest.mark.parametrize(("page", "text"), settings_examples())
def test_an_example_of_settings_is_accepted(page: str, text: str):
    """Merged into the flights' settings; a table [features] replaces theirs."""
    tables = tomllib.loads(text)
    base = {key: value for key, value in FLIGHTS.items() if key not in tables or key != "features"}
    Config(path=Path("pipeline.toml"), **merged(base, tables))


def columns_of(words: list[str]) -> Iterator[str]:
    """Columns that a command names, by its options."""
    for option, value in pairwise(words):
        if option in ("--id", "--label", "--slice", "--time", "--annotators"):
            yield from value.split(",")


def test_columns_of_the_flights_in_examples_exist():
    """A command on data/flights, or with --dataset flights, names columns that the flights have."""
    known = {feature.name for feature in read_schema(ROOT / "schemas/flights/schema.pbtxt")[1].feature}
    found = []
    for page in tracked():
        if not page.endswith(".md"):
            continue
        for line in code_lines((ROOT / page).read_text(encoding="utf-8")):
            if line.startswith("plumbline ") and ("data/flights" in line or "--dataset flights" in line):
                names = set(columns_of(shlex.split(line.replace("[", "").replace("]", ""))))
                found += [f"{page}: {line}: {name}" for name in sorted(names - known)]
    assert found == []


def test_the_examples_of_the_help_are_accepted():
    """`examples` of each command, which its help and docs/cli.md show."""
    parsers, tried = [build_parser()], 0
    while parsers:
        parser = parsers.pop()
        for call in parser.get_default("examples") or ():
            build_parser().parse_args(shlex.split(call.partition(" > ")[0])[1:])
            tried += 1
        for action in parser._actions:
            if hasattr(action, "_name_parser_map"):
                parsers += action._name_parser_map.values()
    assert tried > 20


def test_the_flights_settings_are_those_of_the_file():
    assert load_config(ROOT / "schemas/flights/pipeline.toml").dataset.name == FLIGHTS["dataset"]["name"]
