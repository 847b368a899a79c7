"""The argument parser: one line for a usage error, with the nearest legal name."""

import argparse
import re
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from components.shared.texts.escaping import on_one_line
from components.shared.texts.suggestions import nearest

_CHOICE = re.compile(r"argument (?P<name>[^:]+): invalid choice: '(?P<given>.*)' \(choose from (?P<legal>.*)\)", re.S)
_WIDTH = 100


class Parser(argparse.ArgumentParser):
    """argparse's parser with one line for an error, as for every other error of `plumbline`, and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with `plumbline: COMMAND: what is wrong; see plumbline COMMAND --help`."""
        if found := _CHOICE.match(message):
            legal = [name.strip("'\" ") for name in found["legal"].split(",")]
            near = nearest(found["given"], legal)
            hint = f"did you mean {near}? " if near else ""
            what = "command" if found["name"] in ("COMMAND", "ACTION", "TARGET") else f"value of {found['name']}"
            message = f"{found['given']}: no such {what}; {hint}legal: {', '.join(legal)}"
        program, _, command = self.prog.partition(" ")
        place = f"{command}: " if command else ""
        self.exit(2, f"{program}: {place}{on_one_line(message)}; see `{self.prog} --help`\n")

    def options(self) -> list[str]:
        """Its options, as they are written on the command line."""
        return [option for action in self._actions for option in action.option_strings]


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Arguments parsed by the command's own parser, which also reports unknown arguments (exit code 2)."""
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        command: Parser = parsed.parser
        first = unknown[0]
        near = nearest(first.partition("=")[0], command.options()) if first.startswith("-") else ""
        hint = f"; did you mean {near}?" if near else ""
        kind = "no such option" if first.startswith("-") else "one argument too many"
        command.error(f"{first}: {kind}{hint}")
    return parsed


def new_parser(make: Any, *names: str, help: str = "", description: str = "", examples: Sequence[str] = ()) -> Parser:
    """A parser with a description and examples.

    Args:
      make: Parser, or the `add_parser` of what `add_subparsers` returned.
      names: The command's name; none for the program itself.
      help: Its line in the list of commands.
      description: What stands below `usage` in its help; wrapped to 100 columns.
      examples: Calls of it.
    """
    epilog = "\n".join([f"example{'s' if len(examples) > 1 else ''}:", *(f"  {call}" for call in examples)])
    keywords = {"help": help} if help else {}
    parser: Parser = make(
        *names,
        description=textwrap.fill(description, _WIDTH),
        epilog=epilog if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **keywords,
    )
    parser.set_defaults(parser=parser, examples=tuple(examples))
    return parser
