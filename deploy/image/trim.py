"""Inside the build: removes from a virtual environment what no import can reach.

    trim.py VENV

That is C and C++ headers (`include` folders beside shared libraries: TensorFlow's alone are 430 MB), static libraries,
and `tests` packages that nothing outside of any `tests` folder names in an import. What is removed is printed.
"""

import ast
import os
import re
import shutil
import sys
from pathlib import Path

MENTION = re.compile(rb"^\s*(?:from|import)\b.*\btests\b", re.MULTILINE)


def main(venv: Path) -> int:
    """Removes; prints one line for each kind with what it freed."""
    (packages,) = venv.glob("lib/python3.*/site-packages")
    headers = [folder for folder in packages.rglob("include") if folder.is_dir() and not list(folder.rglob("*.py"))]
    archives = list(packages.rglob("*.a"))
    wanted = named_tests(packages)
    tests = [folder for folder in packages.rglob("tests") if folder.is_dir() and dotted(folder, packages) not in wanted]
    for kind, paths in (("headers", headers), ("static libraries", archives), ("tests", tests)):
        print(f"trim: {kind}: {sum(map(remove, paths)) / 1e6:.0f} MB", file=sys.stderr)
    print(f"trim: kept, because imported: {', '.join(sorted(wanted)) or 'nothing'}", file=sys.stderr)
    return 0


def dotted(path: Path, packages: Path) -> str:
    """Module name of a file or folder."""
    return ".".join(path.relative_to(packages).with_suffix("").parts)


def named_tests(packages: Path) -> set[str]:
    """Packages named `tests` that a module outside of such a package imports, at its top or within a function."""
    found = set()
    for file in packages.rglob("*.py"):
        if "tests" in file.relative_to(packages).parts[:-1]:
            continue
        source = file.read_bytes()
        if not MENTION.search(source):
            continue
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        package = file.parent.relative_to(packages).parts
        for node in ast.walk(tree):
            for name in imported(node, package):
                parts = name.split(".")
                if "tests" in parts:
                    found.add(".".join(parts[: parts.index("tests") + 1]))
    return found


def imported(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Dotted names that an import statement may load, relative ones made absolute."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else ()
        base = [*above, *filter(None, [node.module])]
        return [".".join([*base, alias.name]) for alias in node.names]
    return []


def remove(path: Path) -> int:
    """Removes a file or folder; returns the bytes freed."""
    if not path.exists():  # it lay in a folder that is gone
        return 0
    if path.is_file():
        size = path.stat().st_size
        path.unlink()
        return size
    size = sum(os.lstat(file).st_size for file in path.rglob("*") if not file.is_dir())
    shutil.rmtree(path)
    return size


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
