"""`plumbline completion`: scripts for the completion of a shell."""

import argparse
from pathlib import Path

from pipeline.cli.arguments import Commands, add_command

_DATASETS = {
    "bash": """
_plumbline_datasets() {
  local file
  for file in schemas/*/pipeline.toml; do
    [ -f "$file" ] && file=${file#schemas/} && compgen -W "${file%/pipeline.toml}" -- "$1"
  done
}
""",
    "zsh": """
_plumbline_datasets() {
  local -a names
  names=(schemas/*/pipeline.toml(N:h:t))
  _describe 'dataset' names
}
""",
}
"""Shell functions that list the datasets of the working directory, for --dataset."""


def add_parsers(commands: Commands) -> None:
    """Adds `completion`."""
    parser = add_command(
        commands,
        "completion",
        completion,
        help="print a script for shell completion",
        description="Prints a script that completes commands, options and dataset names on TAB. For bash, add "
        '`eval "$(plumbline completion bash)"` to ~/.bashrc, or write the script to a file once and source that.',
        examples=("plumbline completion bash > ~/.plumbline-completion.bash", "plumbline completion zsh > _plumbline"),
    )
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"], help="shell to write the script for")


def completion(parsed: argparse.Namespace) -> int:
    """Prints the script."""
    import shtab

    _complete_arguments(parsed.program)
    print(shtab.complete(parsed.program, shell=parsed.shell, preamble=_DATASETS.get(parsed.shell, "")))
    return 0


def _complete_arguments(parser: argparse.ArgumentParser) -> None:
    """Tells shtab which arguments are datasets and which are files, in this parser and in those of its commands."""
    import shtab  # 90 ms

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _complete_arguments(below)
        elif action.dest == "dataset":
            action.complete = dict.fromkeys(_DATASETS, "_plumbline_datasets")  # type: ignore[attr-defined]
        elif action.type is Path or action.metavar in ("DATA", "BASELINE", "CURRENT"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
