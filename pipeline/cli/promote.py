"""`plumbline promote`."""

import argparse

from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.decision_records import record
from pipeline.cli.output import print_found
from pipeline.cli.resources import registry_of


def add_parsers(commands: Commands) -> None:
    """Adds `promote`."""
    parser = add_command(
        commands,
        "promote",
        promote,
        help="make the canary, or another version, live",
        description=(
            "Makes a version live by one atomic write of labels.json; servers switch within a second. The former live "
            "version becomes `previous`, and a canary ends."
        ),
        examples=(
            "plumbline promote --dataset flights",
            "plumbline promote --dataset flights 3",
        ),
    )
    add_dataset(parser)
    parser.add_argument("version", metavar="VERSION", nargs="?", help="version number or alias (default: the canary)")
    parser.add_argument("--reason", default="", metavar="TEXT", help="recorded with the decision")
    add_root(parser)
    add_json(parser)


def promote(parsed: argparse.Namespace) -> int:
    """Makes a version live, records the decision, and prints a line."""
    from pipeline.metadata.decisions import VersionDecision

    registry = registry_of(parsed)
    version = None if parsed.version is None else registry.version_named(parsed.version)
    aliases = registry.promote(version)
    live, previous = aliases.live, aliases.previous
    assert live is not None
    print_found(
        parsed,
        lambda: {"live": live, "previous": previous},
        lambda: f"version {live} is live{'' if previous is None else f', version {previous} was'}",
    )
    record(parsed, registry, VersionDecision("promote", live, live, 0.0, "person", parsed.reason, aliases.id))
    return 0
