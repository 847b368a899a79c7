"""`plumbline dashboard`."""

import argparse
from pathlib import Path

from components.shared.errors import UsageError
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_report_path
from pipeline.cli.resources import home_of, settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `dashboard`."""
    parser = add_command(
        commands,
        "dashboard",
        dashboard,
        help="write the dashboard of a monitored model as one HTML file",
        description=(
            "Writes what `plumbline serve` shows at /dashboard as one file without external resources: incidents, "
            "performance, drift, traffic, versions, canary and retrainings at this moment. Prints the path."
        ),
        examples=("plumbline dashboard --dataset flights", "plumbline dashboard --dataset flights -o dashboard.html"),
    )
    add_dataset(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="file to write (default: <root>/<dataset>/dashboard.html)"
    )
    parser.add_argument("--windows", type=int, default=120, metavar="N", help="number of windows (default: 120)")
    add_root(parser)
    add_json(parser)


def dashboard(parsed: argparse.Namespace) -> int:
    """Writes the page; prints its path."""
    from components.shared.files import write_text
    from monitor.dashboard.history import Place, read_history
    from monitor.dashboard.page import dashboard_page
    from monitor.dashboard.retraining_rows import file_link
    from pipeline.settings.config import registry_folder

    if not 1 <= parsed.windows <= 10_000:
        raise UsageError(f"--windows {parsed.windows}: must be between 1 and 10,000")
    home = home_of(parsed)
    path = (parsed.output or home / "dashboard.html").resolve()
    if path.is_dir():
        raise UsageError(f"--output {parsed.output}: is a folder; name a file, such as dashboard.html")
    registry = str(registry_folder(settings_of(parsed), parsed.root))
    history = read_history(Place(parsed.dataset, home, registry), parsed.windows)
    write_text(path, dashboard_page(history, file_link(home, path)))
    print_report_path(parsed, path)
    return 0
