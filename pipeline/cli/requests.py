"""`plumbline requests`."""

import argparse
from datetime import datetime, timezone
from pathlib import Path

from components.shared.errors import UsageError
from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of, settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `requests`."""
    parser = add_command(
        commands,
        "requests",
        requests,
        help="show the status of the request log, or export its labelled rows as a span",
        description=(
            "Shows what `plumbline serve` logged: rows by version and arm (live, canary, …), rows that were not logged "
            "and why, damage, retention, and imports of labels. --export writes the rows that have a label as a file "
            "that `plumbline run` reads as a span."
        ),
        examples=(
            "plumbline requests --dataset flights",
            "plumbline requests --dataset flights --export data/flights/span-13.csv --since 2026-11-01",
        ),
        needs="tables",
    )
    add_dataset(parser)
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="export the labelled rows as a training span (.csv or .parquet)"
    )
    parser.add_argument("--since", metavar="TIME", help="with --export: earliest time, such as 2026-11-01 (UTC)")
    parser.add_argument("--until", metavar="TIME", help="with --export: latest time, exclusive (UTC)")
    add_root(parser)
    add_json(parser)


def requests(parsed: argparse.Namespace) -> int:
    """Prints the status, or exports the labelled rows."""
    folder = home_of(parsed) / "requests"
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no request log; `plumbline serve` writes it")
    if not parsed.export:
        if parsed.since or parsed.until:
            raise UsageError("--since and --until select the exported rows; name a file with --export")
        from serving.request_log.status import log_status

        status = log_status(folder)
        print_found(parsed, status.to_json, lambda: str(for_a_terminal(status).to_text()))
        return 0
    from pipeline.labels.labelled_span import export_span

    since, until = _time("--since", parsed.since), _time("--until", parsed.until)
    exported = export_span(settings_of(parsed), folder, parsed.export, since, until)
    print_found(parsed, exported.to_json, lambda: str(for_a_terminal(exported).to_text()))
    return 0


def _time(option: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError as exc:
        raise UsageError(f"{option} {text}: not a time; write 2026-11-29 or 2026-11-29T12:00:00") from exc
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
