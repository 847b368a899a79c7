"""Inside the build: compiles every module below some folders, so that a container starts without compiling anything.

    bytecode.py FOLDER ...

The files are named by their source's content and never checked (PEP 552, unchecked-hash): the image's modification
times are all set to one second, and the image cannot be written to anyway.
"""

import compileall
import sys
from pathlib import Path
from py_compile import PycInvalidationMode


def main(folders: list[str]) -> int:
    """Compiles; a file that is no valid Python (templates, Python 2) is left as it is, as pip does."""
    for folder in folders:
        for stale in Path(folder).rglob("*.pyc"):
            stale.unlink()
        compileall.compile_dir(
            folder,
            maxlevels=50,
            quiet=2,
            force=True,
            workers=0,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
