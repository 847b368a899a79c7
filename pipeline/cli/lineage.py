"""`plumbline lineage` and `plumbline downstream`."""

import argparse

from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import registry_of, store_of


def add_parsers(commands: Commands) -> None:
    """Adds `lineage` and `downstream`."""
    parser = add_command(
        commands,
        "lineage",
        lineage,
        help="show the run, data and code of a pushed model",
        description=(
            "Follows a registered model back through ML Metadata: the run, each step with its inputs, the span files "
            "with their SHA-256, the code fingerprint, and why each step was executed or taken from the cache."
        ),
        examples=(
            "plumbline lineage --dataset flights live",
            "plumbline lineage --dataset flights 3 --json",
        ),
    )
    add_dataset(parser)
    parser.add_argument(
        "model", metavar="MODEL", help="version number in the registry, or an alias: live, canary, previous"
    )
    add_root(parser)
    add_json(parser)

    parser = add_command(
        commands,
        "downstream",
        downstream,
        help="list the runs and models that used a span or a file",
        description=(
            "Finds all runs and registered models that were trained or evaluated on a span, or on a file: before data"
            " is withdrawn or corrected, for instance."
        ),
        examples=("plumbline downstream --dataset flights 11",),
    )
    add_dataset(parser)
    parser.add_argument(
        "data", metavar="SPAN|FILE", help="number of a span, a file, or the first digits of its SHA-256"
    )
    add_root(parser)
    add_json(parser)


def lineage(parsed: argparse.Namespace) -> int:
    """Prints the run, the data and the code of a registered model."""
    from pipeline.run_history.lineage import lineage_text, model_lineage

    registry = registry_of(parsed)
    version = registry.version_named(parsed.model)
    found = model_lineage(store_of(parsed), version, registry.manifest(version)["run_id"], registry)
    print_found(parsed, found.to_json, lambda: lineage_text(for_a_terminal(found)))
    return 0


def downstream(parsed: argparse.Namespace) -> int:
    """Prints the runs and models that a span or a file went into."""
    from pipeline.run_history.downstream import downstream, downstream_text

    found = downstream(store_of(parsed), parsed.data, registry_of(parsed))
    print_found(parsed, found.to_json, lambda: downstream_text(for_a_terminal(found)))
    return 0
