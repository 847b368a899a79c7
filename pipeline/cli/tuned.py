"""`plumbline tuned`."""

import argparse
import sys
from pathlib import Path

from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_record
from pipeline.cli.resources import home_of, settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `tuned`."""
    parser = add_command(
        commands,
        "tuned",
        tuned,
        help="show the best hyperparameters of the last search",
        description=(
            "Prints the hyperparameters that the last `plumbline run --tune N` selected, with the validation metric "
            "before and after."
        ),
        examples=(
            "plumbline tuned --dataset flights",
            "plumbline tuned --dataset flights --write",
        ),
    )
    add_dataset(parser)
    parser.add_argument("--write", action="store_true", help="write them to [training] of pipeline.toml")
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="read this best_settings.json, for example from a cluster run"
    )
    add_root(parser)
    add_json(parser)


def tuned(parsed: argparse.Namespace) -> int:
    """Prints the hyperparameters that the last search selected; --write writes them to pipeline.toml."""
    from pipeline.settings import tuning_result as tuned_

    config = settings_of(parsed)
    kept = tuned_.from_file(parsed.file) if parsed.file else tuned_.last(home_of(parsed))
    print_record(parsed, kept)
    if parsed.write:
        print(tuned_.write(config, kept), file=sys.stderr)
    return 0
