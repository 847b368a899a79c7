"""`plumbline schema diff` and `plumbline schema update`."""

import argparse
import json
import sys

from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_group, add_json, add_root
from pipeline.cli.output import print_record
from pipeline.cli.resources import drift_history, settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `schema` with `diff` and `update`."""
    acts = add_group(
        commands,
        "schema",
        "ACTION",
        help="show or apply the changes that new data would make to a schema",
        description="Compares a dataset's schema.pbtxt with the statistics of its data.",
    )
    for name, about, call in (
        ("diff", "show the changes that the data suggests", "plumbline schema diff --dataset flights"),
        ("update", "apply the accepted changes", "plumbline schema update --dataset flights --accept 1,3-5"),
    ):
        description = (
            "Compares schema.pbtxt with the data: new, missing and renamed columns, types, domains, presence; "
            "or, with --thresholds-from-history, the drift thresholds with those that past runs suggest."
        )
        if name == "update":
            description += " Asks for each change unless --accept is given. Comments in the file are kept."
        act = add_command(acts, name, schema, help=about, description=description, examples=(call,), needs="tables")
        add_dataset(act)
        act.set_defaults(act=name)
        act.add_argument("--data", metavar="DIR", help="folder or URL of the spans (default: [data] directory)")
        act.add_argument("--span", type=int, metavar="N", help="use the spans up to N (default: the newest)")
        act.add_argument(
            "--thresholds-from-history",
            action="store_true",
            help="compare the drift thresholds with those estimated from past runs, instead",
        )
        act.add_argument(
            "--no-renames", action="store_true", help="treat a possibly renamed column as one removed and one added"
        )
        add_root(act)
        add_json(act)
        if name == "update":
            act.add_argument(
                "--allow-removal", action="store_true", help="allow changes that remove the label or most columns"
            )
            act.add_argument(
                "--accept",
                metavar="WHICH",
                help="changes to apply: all, numbers (1,3-5) or a feature (default: ask for each)",
            )


def schema(parsed: argparse.Namespace) -> int:
    """Prints the changes that the data would make; `update` applies those that are accepted."""
    from pipeline.onboarding.schema import schema_diff, schema_update

    config = settings_of(parsed)
    if parsed.thresholds_from_history:
        from pipeline.drift.threshold_suggestions import suggest

        suggested = suggest(drift_history(config, parsed.root))
        found = schema_diff.threshold_diff(config, suggested.threshold_changes())
    else:
        found = schema_diff.diff(config, parsed.data, parsed.span, renames=not parsed.no_renames)
    if parsed.act == "diff" or not found.changes:
        print_record(parsed, found)
        return 0
    if parsed.accept is None:
        print(for_a_terminal(found).to_text(), file=sys.stderr)
        accepted = schema_update.ask(found.changes, sys.stdin, sys.stderr)
    else:
        accepted = schema_update.chosen(parsed.accept, found.changes)
    schema_update.apply(found, accepted, allow_removal=parsed.allow_removal)
    if parsed.json:
        print(json.dumps(found.to_json(accepted)))
    else:
        print(f"{found.path}: {len(accepted)} of {len(found.changes)} changes applied")
    return 0
