"""`plumbline rollback`."""

import argparse

from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.decision_records import record
from pipeline.cli.output import print_found
from pipeline.cli.resources import registry_of


def add_parsers(commands: Commands) -> None:
    """Adds `rollback`."""
    parser = add_command(
        commands,
        "rollback",
        rollback,
        help="end the canary, or return to the previous live version",
        description=(
            "Ends the canary if there is one, else makes the previous version live again, by one atomic write of "
            "labels.json; servers switch within a second. A later push does not make the version live again."
        ),
        examples=("plumbline rollback --dataset flights",),
    )
    add_dataset(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="recorded with the decision")
    add_root(parser)
    add_json(parser)


def rollback(parsed: argparse.Namespace) -> int:
    """Rolls back, records the decision, and prints a line."""
    from pipeline.metadata.decisions import VersionDecision

    registry = registry_of(parsed)
    before = registry.labels()
    aliases = registry.rollback(seen=before)
    assert before is not None
    version = before.live if before.canary is None else before.canary
    assert version is not None
    was = "live" if before.canary is None else "the canary"
    print_found(
        parsed,
        lambda: {"live": aliases.live, "rolled_back": version},
        lambda: f"version {version}, which was {was}, is rolled back; version {aliases.live} answers all requests",
    )
    record(
        parsed, registry, VersionDecision("rollback", version, aliases.live, 0.0, "person", parsed.reason, aliases.id)
    )
    return 0
