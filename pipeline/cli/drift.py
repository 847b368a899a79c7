"""`plumbline drift`: two tables, or the history of a dataset."""

import argparse
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.shared.errors import GateBlocked, UsageError
from components.shared.statistics.severities import SEVERITIES
from components.shared.texts.escaping import for_a_terminal, for_terminal
from pipeline.cli.arguments import Commands, add_command, add_json, add_reading, add_root, add_source
from pipeline.cli.output import print_found, print_record
from pipeline.cli.resources import drift_history, settings_of

if TYPE_CHECKING:
    from pipeline.settings.config import Config


def add_parsers(commands: Commands) -> None:
    """Adds `drift`."""
    parser = add_command(
        commands,
        "drift",
        drift,
        help="compare two data sets for drift, or show a dataset's drift history",
        description="Compares each column of two files or folders: distance, p-value, and whether both the "
        "significance level and the effect size are exceeded. With --dataset, the schema and the [drift] settings of "
        "that dataset apply. With --history, shows the drift of all runs of a dataset.",
        examples=(
            "plumbline drift data/flights/span-01.csv data/flights/span-02.csv --dataset flights",
            "plumbline drift --dataset flights --history",
        ),
        needs="tables",
    )
    parser.add_argument("baseline", nargs="?", metavar="BASELINE", help="file or folder of the baseline data")
    parser.add_argument("current", nargs="?", metavar="CURRENT", help="file or folder of the current data")
    parser.add_argument("--dataset", metavar="NAME", help="use schema and [drift] settings of this dataset")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="schema.pbtxt with types and thresholds")
    parser.add_argument(
        "--skew", action="store_true", help="use the schema's skew_comparator thresholds: training against serving data"
    )
    parser.add_argument(
        "--rule",
        choices=["calibrated", "fixed"],
        help="decision rule for drift: p-value and effect size, or effect size alone (default: calibrated)",
    )
    parser.add_argument("--alpha", type=float, metavar="P", help="false discovery rate (default: 0.01)")
    parser.add_argument(
        "--slice",
        action="append",
        default=[],
        metavar="COL",
        help=(
            "compare also within each value of COL, or of a cross COL,COL, with at least [drift] min_slice_rows rows "
            "(default: 500); repeatable"
        ),
    )
    parser.add_argument(
        "--no-joint", action="store_true", help="skip the classifier two-sample test of all columns together"
    )
    parser.add_argument("--all", action="store_true", help="print every distance, drifted or not")
    parser.add_argument("--fail-on-drift", action="store_true", help="exit code 3 for drift of at least --severity")
    parser.add_argument(
        "--severity",
        choices=SEVERITIES,
        default="moderate",
        help="lowest severity that --fail-on-drift counts (default: moderate)",
    )
    parser.add_argument("--history", action="store_true", help="show the drift of all runs of --dataset")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="with --history: write a chart, .svg or .png")
    parser.add_argument(
        "--suggest", action="store_true", help="with --history: print thresholds estimated from past runs"
    )
    add_source(parser, sides=True)
    add_reading(parser)
    add_root(parser)
    add_json(parser)


def drift(parsed: argparse.Namespace) -> int:
    """Compares two tables, or prints the history; exit code 3 with --fail-on-drift for drift of --severity or more."""
    if parsed.history:
        return _drift_history(parsed)
    from pipeline.drift import comparison as drift_command
    from pipeline.drift.input_tables import ReadRequest
    from pipeline.run_history.live_importance import LiveImportance, live_importance

    if parsed.baseline is None or parsed.current is None:
        raise UsageError("drift: two files or folders are needed, or --history with --dataset NAME")
    if parsed.chart or parsed.suggest:
        raise UsageError("--chart and --suggest: only with --history")
    if parsed.alpha is not None and not 0 < parsed.alpha < 1:
        raise UsageError(f"--alpha {parsed.alpha}: must lie between 0 and 1")
    config = settings_of(parsed) if parsed.dataset else None
    weights = live_importance(config, parsed.root) if config is not None else LiveImportance()
    compared = drift_command.drift(
        parsed.baseline,
        parsed.current,
        schema=parsed.schema,
        config=config,
        slices=parsed.slice,
        comparator="skew" if parsed.skew else "drift",
        rule=parsed.rule,
        alpha=parsed.alpha,
        joint_rows=0 if parsed.no_joint else None,
        read_limits=parsed.read_limit,
        request=ReadRequest(tuple(parsed.query), parsed.sheet, parsed.password_variable, tuple(parsed.csv)),
        importance=weights.features,
    )
    compared = replace(compared, weights=weights.text)
    print_found(parsed, compared.to_json, lambda: for_a_terminal(compared).to_text(parsed.all))
    return GateBlocked.exit_code if parsed.fail_on_drift and compared.has_drift(parsed.severity) else 0


def _drift_history(parsed: argparse.Namespace) -> int:
    if not parsed.dataset:
        raise UsageError("--history: no dataset given; pass --dataset NAME")
    config = settings_of(parsed)
    if parsed.suggest:
        from pipeline.drift.threshold_suggestions import suggest

        print_record(parsed, suggest(drift_history(config, parsed.root)))
        return 0
    if parsed.json:
        print(json.dumps(drift_history(config, parsed.root).to_json(), allow_nan=False))
    show_history(config, parsed.root, parsed.chart, quiet=parsed.json)
    return 0


def show_history(config: "Config", root: Path, chart: Path | None, quiet: bool = False) -> None:
    """Prints the drift of all runs as a table, unless `quiet`; draws it into `chart` where one is named."""
    from pipeline.drift.history_table import history_table

    history = drift_history(config, root)
    if not quiet:
        print("\n" + for_terminal(history_table(history, shutil.get_terminal_size().columns)))
    if chart is not None and history.compared:
        from pipeline.drift.history_chart import save_chart

        save_chart(history, chart)
        print(f"chart: {chart}", file=sys.stderr)
