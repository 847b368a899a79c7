"""`plumbline doctor`."""

import argparse
import shutil
import sys

from components.shared.errors import PlumblineError
from pipeline.cli.arguments import Commands, add_command, add_json, add_root
from pipeline.cli.output import print_found


def add_parsers(commands: Commands) -> None:
    """Adds `doctor`."""
    parser = add_command(
        commands,
        "doctor",
        doctor,
        help="check environment, settings, metadata, artifacts and registry",
        description="Checks the environment, the settings, ML Metadata, artifacts, reports and the registry, and lists "
        "each problem with its remedy. Exit code 1 if there are errors.",
        examples=("plumbline doctor --quick", "plumbline doctor --dataset flights --repair"),
    )
    parser.add_argument(
        "--dataset", metavar="NAME", help="check this dataset only (default: all that have settings or runs)"
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="repair what can be repaired safely; replaced files are kept in ROOT/NAME/backups",
    )
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--digests", action="store_true", help="compare every file with its recorded SHA-256")
    depth.add_argument(
        "--quick", action="store_true", help="do not read artifacts and models, do not import TensorFlow"
    )
    add_root(parser)
    add_json(parser)


def doctor(parsed: argparse.Namespace) -> int:
    """Prints what is wrong; exit code 1 if there are errors, after the repairs if these were asked for."""
    from pipeline.doctor.diagnosis import diagnose, repair
    from pipeline.doctor.diagnosis_text import diagnosis_text
    from pipeline.doctor.finding import DoctorOptions

    options = DoctorOptions(digests=parsed.digests, quick=parsed.quick, tensorflow=not parsed.quick)
    if parsed.repair:
        found = repair(parsed.root, parsed.dataset, options, lambda text: print(text, file=sys.stderr))
    else:
        found = diagnose(parsed.root, parsed.dataset, options)
    print_found(parsed, found.to_json, lambda: diagnosis_text(found, shutil.get_terminal_size().columns))
    return PlumblineError.exit_code if found.count("error") else 0
