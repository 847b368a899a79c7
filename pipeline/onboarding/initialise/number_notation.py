"""The format of a CSV file and of its numbers, as messages of `plumbline init` and as lines of pipeline.toml. Pure."""

from collections.abc import Sequence
from typing import Any

from components.shared.texts.escaping import on_one_line, toml_string
from components.table_reading.read_options import ReadOptions

_NAMES = {".": "a point", ",": "a comma", " ": "a blank", "'": "an apostrophe", "_": "an underscore"}


def assumed_of_numbers(options: ReadOptions) -> list[tuple[str, str]]:
    """Returns the number format in words, with the settings that change it."""
    found = []
    if options.decimal != ".":
        found.append((f"{_NAMES[options.decimal]} is the decimal mark", "[data] decimal"))
    if options.thousands:
        found.append((f"{_NAMES[options.thousands]} is the thousands separator", "[data] thousands"))
    found += [
        (f"{on_one_line(name)}: {_units(one.units)}", f"[data.numbers.{on_one_line(name)}] units")
        for name, one in options.numbers.items()
        if one.units
    ]
    return found


def csv_lines(options: ReadOptions, assumed: Sequence[tuple[str, str]]) -> list[str]:
    """Returns lines of [data] for options that differ from the defaults, with the finding as a comment."""
    usual = ReadOptions()
    lines = []
    for key in ("encoding", "header_row", "skip_footer", "comment", "decimal", "thousands"):
        value: Any = getattr(options, key)
        if value == getattr(usual, key):
            continue
        why = next((what for what, setting in assumed if f"[data] {key}" in setting), "")
        line = f"{key} = {toml_string(value) if isinstance(value, str) else value}"
        lines.append(line.ljust(30) + f"# {on_one_line(why)}" if why else line)
    return lines


def number_lines(options: ReadOptions) -> list[str]:
    """Returns the tables [data.numbers.<column>]."""
    lines = []
    for name, one in options.numbers.items():
        lines += ["", f"[data.numbers.{toml_string(name)}]"]
        if one.decimal != options.decimal:
            lines.append(f"decimal = {toml_string(one.decimal)}")
        if one.thousands != options.thousands:
            lines.append(f"thousands = {toml_string(one.thousands)}")
        if one.units:
            units = ", ".join(f"{toml_string(unit)} = {factor:.15g}" for unit, factor in one.units.items())
            lines.append(f"units = {{ {units} }}".ljust(30) + "# unit = factor that the number is multiplied by")
    return lines


def _units(units: Any) -> str:
    return ", ".join(
        f"{unit!r} is a unit" if factor == 1 else f"{unit!r} multiplies by {factor:,.15g}"
        for unit, factor in units.items()
    )
