"""`plumbline gc`."""

import argparse

from components.shared.errors import UsageError
from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of, registry_of, store_of


def add_parsers(commands: Commands) -> None:
    """Adds `gc`."""
    parser = add_command(
        commands,
        "gc",
        gc,
        help="list or delete artifacts that no version in use and no recent run needs",
        description=(
            "Lists the artifacts, reports and cache files that neither a registered version in use nor one of the "
            "newest runs needs. Nothing is deleted without --apply."
        ),
        examples=(
            "plumbline gc --dataset flights --keep 5",
            "plumbline gc --dataset flights --keep 5 --apply",
        ),
    )
    add_dataset(parser)
    parser.add_argument(
        "--keep", type=int, default=10, metavar="K", help="number of newest runs to keep in any case (default: 10)"
    )
    parser.add_argument("--apply", action="store_true", help="delete (default: list only)")
    add_root(parser)
    add_json(parser)


def gc(parsed: argparse.Namespace) -> int:
    """Prints what can be deleted; deletes it with --apply."""
    from pipeline.run_history.garbage_collection import collect, deletion_text, plan_deletion

    if parsed.keep < 0:
        raise UsageError(f"--keep {parsed.keep}: must be 0 or more")
    act = collect if parsed.apply else plan_deletion
    found = act(store_of(parsed, read_only=not parsed.apply), home_of(parsed), registry_of(parsed), parsed.keep)
    print_found(parsed, found.to_json, lambda: deletion_text(for_a_terminal(found), applied=parsed.apply))
    return 0
