"""`plumbline incidents`."""

import argparse

from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of


def add_parsers(commands: Commands) -> None:
    """Adds `incidents`."""
    parser = add_command(
        commands,
        "incidents",
        incidents,
        help="show the incidents of the monitor, and acknowledge one",
        description=(
            "Shows the incidents that `plumbline monitor` raised and that are not closed; --all shows all. "
            "An acknowledged incident stays open until its measurements are back to normal, and is sent again only if "
            "it gets more severe."
        ),
        examples=(
            "plumbline incidents --dataset flights",
            "plumbline incidents --dataset flights --acknowledge 2",
        ),
    )
    add_dataset(parser)
    parser.add_argument("--acknowledge", type=int, metavar="N", help="mark incident N as seen by a person")
    parser.add_argument("--all", action="store_true", help="closed incidents, too")
    add_root(parser)
    add_json(parser)


def incidents(parsed: argparse.Namespace) -> int:
    """Prints incidents."""
    from components.shared.texts.escaping import for_a_terminal
    from monitor.look_text import incident_text
    from monitor.store import MonitorStore
    from pipeline.cli.monitor_parts import FOLDER

    with MonitorStore(home_of(parsed) / FOLDER, read_only=parsed.acknowledge is None) as store:
        if parsed.acknowledge is not None:
            found = [store.acknowledge(parsed.acknowledge)]
        else:
            found = store.incidents(open_only=not parsed.all)
    print_found(
        parsed,
        lambda: {"incidents": [one.to_json() for one in found]},
        lambda: "\n".join(incident_text(for_a_terminal(one)) for one in found) or "no incident is open",
    )
    return 0
