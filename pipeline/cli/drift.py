"""`plumbline drift`: two tables, or the history of a dataset."""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import GateBlocked, UsageError
from components.escaping import for_a_terminal, for_terminal
from pipeline.cli.arguments import Commands, add_command, add_json, add_reading, add_root, add_source
from pipeline.cli.output import print_found, print_record
from pipeline.cli.resources import drift_history, settings_of

if TYPE_CHECKING:
    from pipeline.config import Config


def add_parsers(commands: Commands) -> None:
    """Adds `drift`."""
    parser = add_command(
        commands,
        "drift",
        drift,
        help="how far data has moved: two files or folders, or a dataset's history",
        needs="tables",
    )
    parser.add_argument("baseline", nargs="?", metavar="BASELINE", help="file or folder to compare with")
    parser.add_argument("current", nargs="?", metavar="CURRENT", help="file or folder that may have moved")
    parser.add_argument("--dataset", metavar="NAME", help="take schema and [drift] settings of this dataset")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="types and thresholds (schema.pbtxt)")
    parser.add_argument(
        "--skew", action="store_true", help="by the schema's skew_comparators: training against serving"
    )
    parser.add_argument("--rule", choices=["calibrated", "fixed"], help="what counts as drift (default: calibrated)")
    parser.add_argument("--alpha", type=float, metavar="P", help="false discovery rate (default: 0.01)")
    parser.add_argument(
        "--slice", action="append", default=[], metavar="COL", help="compare within each value of it, too; COL,COL too"
    )
    parser.add_argument("--no-joint", action="store_true", help="leave out the test of columns together")
    parser.add_argument("--all", action="store_true", help="print every distance, drifted or not")
    parser.add_argument("--fail-on-drift", action="store_true", help="exit code 3 if anything drifted")
    parser.add_argument("--history", action="store_true", help="the course over the runs of --dataset")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="with --history: draw it, .svg or .png")
    parser.add_argument("--suggest", action="store_true", help="with --history: thresholds that the past suggests")
    add_source(parser, sides=True)
    add_reading(parser)
    add_root(parser)
    add_json(parser)


def drift(parsed: argparse.Namespace) -> int:
    """Compares two tables, or prints the history; exit code 3 with --fail-on-drift if anything drifted."""
    if parsed.history:
        return _drift_history(parsed)
    from pipeline.drift import command as drift_command
    from pipeline.drift.data import Asked

    if parsed.baseline is None or parsed.current is None:
        raise UsageError("drift: two files or folders to compare, or --history and --dataset")
    if parsed.chart or parsed.suggest:
        raise UsageError("--chart and --suggest: only with --history")
    if parsed.alpha is not None and not 0 < parsed.alpha < 1:
        raise UsageError(f"--alpha {parsed.alpha}: must lie between 0 and 1")
    compared = drift_command.drift(
        parsed.baseline,
        parsed.current,
        schema=parsed.schema,
        config=settings_of(parsed) if parsed.dataset else None,
        slices=parsed.slice,
        comparator="skew" if parsed.skew else "drift",
        rule=parsed.rule,
        alpha=parsed.alpha,
        joint_rows=0 if parsed.no_joint else None,
        read_limits=parsed.read_limit,
        asked=Asked(tuple(parsed.query), parsed.sheet, parsed.password_variable, tuple(parsed.csv)),
    )
    print_found(parsed, compared.to_json, lambda: for_a_terminal(compared).for_a_person(parsed.all))
    return GateBlocked.exit_code if parsed.fail_on_drift and compared.found.drifted else 0


def _drift_history(parsed: argparse.Namespace) -> int:
    if not parsed.dataset:
        raise UsageError("--history: of which dataset? --dataset says it")
    config = settings_of(parsed)
    if parsed.suggest:
        from pipeline.drift.suggestions import suggest

        print_record(parsed, suggest(drift_history(config, parsed.root)))
        return 0
    if parsed.json:
        print(json.dumps(drift_history(config, parsed.root).to_json(), allow_nan=False))
    show_history(config, parsed.root, parsed.chart, quiet=parsed.json)
    return 0


def show_history(config: "Config", root: Path, chart: Path | None, quiet: bool = False) -> None:
    """Prints the drift of all runs as a table, unless `quiet`; draws it into `chart` where one is named."""
    from pipeline.drift.table import table

    history = drift_history(config, root)
    if not quiet:
        print("\n" + for_terminal(table(history, shutil.get_terminal_size().columns)))
    if chart is not None and history.compared:
        from pipeline.drift.chart import save_chart

        save_chart(history, chart)
        print(f"chart: {chart}", file=sys.stderr)
