"""Inside the build: the project as the image holds it, laid out below a folder that is copied over the root.

    project.py SOURCE VENV TARGET

TARGET then holds SOURCE itself, the `plumbline` command in VENV/bin, and in VENV's site-packages what makes SOURCE
importable from anywhere: a .pth file and the distribution's metadata. It is what an editable installation does, without
its import hook, which every start would pay for.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

COMMAND = """#!{python}
import sys

from {module} import {function}

sys.exit({function}())
"""


def main(source: Path, venv: Path, target: Path) -> int:
    """Writes TARGET."""
    from importlib.metadata import PathDistribution

    from setuptools import build_meta

    shutil.copytree(source, target / source.relative_to("/"))
    packages = target / Path(sysconfig.get_path("purelib")).relative_to("/")
    packages.mkdir(parents=True)
    (packages / "plumbline.pth").write_text(f"{source}\n")
    os.chdir(source)
    metadata = packages / build_meta.prepare_metadata_for_build_wheel(str(packages))
    for folder in packages.glob("*.egg-info"):
        shutil.rmtree(folder)
    commands = target / venv.relative_to("/") / "bin"
    commands.mkdir()
    for entry in PathDistribution(metadata).entry_points.select(group="console_scripts"):
        command = commands / entry.name
        command.write_text(COMMAND.format(python=venv / "bin/python", module=entry.module, function=entry.attr))
        command.chmod(0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
