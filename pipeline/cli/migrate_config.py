"""`plumbline migrate-config`."""

import argparse
import sys
from pathlib import Path

from components.shared.errors import ConfigError
from pipeline.cli.arguments import Commands, add_command, add_json
from pipeline.cli.output import print_found


def add_parsers(commands: Commands) -> None:
    """Adds `migrate-config`."""
    parser = add_command(
        commands,
        "migrate-config",
        migrate_config,
        help="rewrite settings that use former names of keys",
        description="Replaces the former names of settings keys by the present ones in pipeline.toml. Comments, order "
        "and layout stay; a file without former names is not changed.",
        examples=("plumbline migrate-config --dry-run", "plumbline migrate-config schemas/flights/pipeline.toml"),
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="pipeline.toml (default: schemas/*/pipeline.toml)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the change as a diff; write nothing")
    add_json(parser)


def migrate_config(parsed: argparse.Namespace) -> int:
    """Rewrites the files after all of them were read; prints what was renamed, or the diff with --dry-run."""
    from pipeline.settings.migration import migration

    files = parsed.files or sorted(Path("schemas").glob("*/pipeline.toml"))
    if not files:
        raise ConfigError("schemas/*/pipeline.toml: no such file; name the file, or run from the project's folder")
    found = [migration(path) for path in files]
    if not parsed.dry_run:
        for one in found:
            one.write()

    def to_text() -> str:
        if parsed.dry_run:
            return "".join(one.diff() for one in found).removesuffix("\n")
        return "\n".join(f"{one.path}: {renamed}" for one in found for renamed in one.renamed)

    if parsed.json or any(one.renamed for one in found):
        print_found(parsed, lambda: {"files": [one.to_json() for one in found]}, to_text)
    elif not parsed.quiet:
        print("no former names found; nothing to change", file=sys.stderr)
    return 0
