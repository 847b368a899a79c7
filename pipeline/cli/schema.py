"""`plumbline schema diff` and `plumbline schema update`."""

import argparse
import json
import sys

from components.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_record
from pipeline.cli.resources import drift_history, settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `schema` with `diff` and `update`."""
    parser = commands.add_parser("schema", help="what the data would change in a dataset's schema")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    for name, about in (("diff", "show it"), ("update", "apply what is accepted; comments stay")):
        act = add_command(acts, name, schema, help=about, needs="tables")
        add_dataset(act)
        act.set_defaults(act=name)
        act.add_argument("--data", metavar="DIR", help="folder or URL of the spans (default: the settings')")
        act.add_argument("--span", type=int, metavar="N", help="up to span N (default: the newest)")
        act.add_argument(
            "--thresholds-from-history", action="store_true", help="drift thresholds that past runs suggest, instead"
        )
        act.add_argument(
            "--no-renames", action="store_true", help="a column that may have been renamed is one gone and one new"
        )
        add_root(act)
        add_json(act)
        if name == "update":
            act.add_argument(
                "--allow-removal", action="store_true", help="also where the label or most columns would be taken away"
            )
            act.add_argument(
                "--accept", metavar="WHICH", help="all, numbers (1,3-5) or a feature; without it, each is asked for"
            )


def schema(parsed: argparse.Namespace) -> int:
    """Prints the changes that the data would make; `update` applies those that are accepted."""
    from pipeline.schema import command as schema_command

    config = settings_of(parsed)
    if parsed.thresholds_from_history:
        from pipeline.drift.suggestions import suggest

        suggested = suggest(drift_history(config, parsed.root))
        found = schema_command.threshold_diff(config, suggested.threshold_changes())
    else:
        found = schema_command.diff(config, parsed.data, parsed.span, renames=not parsed.no_renames)
    if parsed.act == "diff" or not found.changes:
        print_record(parsed, found)
        return 0
    if parsed.accept is None:
        print(for_a_terminal(found).for_a_person(), file=sys.stderr)
        accepted = schema_command.ask(found.changes, sys.stdin, sys.stderr)
    else:
        accepted = schema_command.chosen(parsed.accept, found.changes)
    schema_command.apply(found, accepted, allow_removal=parsed.allow_removal)
    if parsed.json:
        print(json.dumps(found.to_json(accepted)))
    else:
        print(f"{found.path}: {len(accepted)} of {len(found.changes)} changes applied")
    return 0
