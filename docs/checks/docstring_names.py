"""Finds names in docstrings that the code no longer defines.

    python -m docs.checks.docstring_names

Checked, in the docstrings of all modules, is what stands in backticks or after "see": `module.name`, if a module of the
repository has that name; names of classes; and a function, class or attribute that "see `name`" refers to. Names of
libraries are found in the code that uses them. Exit code 1 if a name is missing.
"""

import ast
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docs.checks.tracked import ROOT, tracked

FOLDERS = ("benchmarks", "components", "data", "deploy", "docs", "pipeline", "tests")
PLAIN = re.compile(r"(?<![\w./`])(\w+)\.([A-Z]\w*)\b(?!`)")
DOTTED = re.compile(r"`(?:\w+\.)*(\w+)\.([A-Za-z_]\w*)(?:\(\))?`")
CLASS = re.compile(r"`([A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+)(?:\(\))?`")
SEE = re.compile(r"\b[Ss]ee\s+`(\w+)(?:\(\))?`")


@dataclass
class Names:
    """What the code of a repository names.

    Attributes:
      modules: Last parts of the names of modules and packages.
      top_level: Last part of a module's name -> names that it defines or imports at its top level.
      defined: Functions, classes, parameters, attributes, and variables of modules and classes.
      used: All identifiers, and the words of strings that are not docstrings.
    """

    modules: set[str] = field(default_factory=set)
    top_level: dict[str, set[str]] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


def names_of(root: Path, files: Iterable[str]) -> Names:
    """Collects the names of Python files.

    Args:
      root: Folder of the repository.
      files: Python files, relative to it.
    """
    found = Names()
    for name in files:
        path = Path(name)
        found.modules.add(path.parent.name if path.stem == "__init__" else path.stem)
        tree = ast.parse((root / name).read_text(encoding="utf-8"))
        own = found.top_level.setdefault(path.stem, set())
        own.update(_bound(tree.body))
        found.defined |= own
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.defined.add(node.name)
                found.defined.update(_bound(node.body) if isinstance(node, ast.ClassDef) else ())
            elif isinstance(node, ast.arg):
                found.defined.add(node.arg)
            elif isinstance(node, ast.Name):
                found.used.add(node.id)
            elif isinstance(node, ast.Attribute):
                (found.defined if isinstance(node.ctx, ast.Store) else found.used).add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                found.used.add(node.arg)
            elif isinstance(node, ast.alias):
                found.used |= set(node.name.split("."))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                found.used |= set(re.findall(r"\w+", node.value))
    found.used |= found.defined | found.modules
    return found


def check(root: Path, files: Iterable[str], names: Names) -> Iterator[str]:
    """A line for each name that is missing: `file:line: what is missing`.

    Args:
      root: Folder of the repository.
      files: Python files whose docstrings are read, relative to it.
      names: What the code defines.
    """
    for file in files:
        for line, text in docstrings(root / file):
            for match in DOTTED.finditer(text):
                module, name = match.groups()
                is_file = name in ("py", "md", "toml", "pbtxt", "json", "csv", "html", "yaml", "yml", "sqlite", "lock")
                known = names.top_level.get(module, set()) if name[0].isupper() else names.used
                if module in names.modules and not is_file and name not in known:
                    yield f"{file}:{line + _lines(text, match)}: {match[0]}: no module defines {name}"
            for match in PLAIN.finditer(text):
                module, name = match.groups()
                if module in names.top_level and name not in names.top_level[module]:
                    yield f"{file}:{line + _lines(text, match)}: {match[0]}: no module defines {name}"
            for match in CLASS.finditer(text):
                if match[1] not in names.used:
                    yield f"{file}:{line + _lines(text, match)}: {match[0]}: no such name in the code"
            for match in SEE.finditer(text):
                if match[1] not in names.defined | names.modules:
                    yield f"{file}:{line + _lines(text, match)}: {match[0]}: nothing of this name is defined"


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """First line and text of each docstring, also of attributes, of a Python file."""
    with path.open("rb") as stream:
        before = tokenize.NEWLINE
        for token in tokenize.tokenize(stream.readline):
            if token.type == tokenize.STRING and before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.ENCODING):
                yield token.start[0], token.string
            if token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.DEDENT):
                before = token.type


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements define, assign or import."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name))
                if isinstance(target, ast.Attribute):
                    yield target.attr
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name.rpartition(".")[2] for one in node.names)
        elif isinstance(node, ast.If | ast.Try):
            yield from _bound(node.body)


def _lines(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start())


def main() -> int:
    """Prints what is missing; 1 if something is."""
    files = [name for name in tracked() if name.endswith(".py") and name.startswith(FOLDERS)]
    found = list(check(ROOT, files, names_of(ROOT, files)))
    for line in found:
        sys.stdout.write(line + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
