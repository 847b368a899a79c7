"""`plumbline lineage` and `plumbline downstream`."""

import argparse

from components.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import registry_of, store_of


def add_parsers(commands: Commands) -> None:
    """Adds `lineage` and `downstream`."""
    parser = add_command(commands, "lineage", lineage, help="where a pushed model came from")
    add_dataset(parser)
    parser.add_argument("model", metavar="MODEL", help="version in the registry, live, canary or previous")
    add_root(parser)
    add_json(parser)

    parser = add_command(commands, "downstream", downstream, help="which runs and models a span or file went into")
    add_dataset(parser)
    parser.add_argument("asked", metavar="SPAN|FILE", help="number of a span, a file, or the head of its SHA-256")
    add_root(parser)
    add_json(parser)


def lineage(parsed: argparse.Namespace) -> int:
    """Prints the run, the data and the code that a registered model came from."""
    from pipeline.lineage import for_a_person, model_lineage

    registry = registry_of(parsed)
    version = registry.version_named(parsed.model)
    found = model_lineage(store_of(parsed), version, registry.manifest(version)["run_id"], registry)
    print_found(parsed, found.to_json, lambda: for_a_person(for_a_terminal(found)))
    return 0


def downstream(parsed: argparse.Namespace) -> int:
    """Prints the runs and models that a span or a file went into."""
    from pipeline.lookback.downstream import downstream, for_a_person

    found = downstream(store_of(parsed), parsed.asked, registry_of(parsed))
    print_found(parsed, found.to_json, lambda: for_a_person(for_a_terminal(found)))
    return 0
