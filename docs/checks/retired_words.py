"""Finds words that docs/retired-words.md retires, and modules that it names wrongly.

    python -m docs.checks.retired_words

The tables of that page are the only list. Exit code 1 if a retired word is found, or if a module to use instead is
missing.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import combinations
from pathlib import Path

from docs.checks.tracked import ROOT, tracked

PAGE = "docs/retired-words.md"
ENDINGS = frozenset(
    {".css", ".ipynb", ".j2", ".js", ".json", ".md", ".pbtxt", ".py", ".sh", ".svg", ".toml", ".txt", ".yaml", ".yml"}
)
LEFT_OUT = frozenset({PAGE, "requirements.lock"})
NAME = re.compile(r"(?<!\w)(?:pipeline|components)[./][\w./]*\w")
"""A module, by its dotted name or its path."""


@dataclass(frozen=True)
class Retired:
    """One row of the table.

    Attributes:
      word: What is no longer used.
      instead: The term to use.
      stays_in: Patterns of the paths that may keep it.
    """

    word: str
    instead: str
    stays_in: tuple[str, ...]

    @property
    def is_module(self) -> bool:
        """Whether it is the dotted name of a module, or of a folder of modules."""
        return "." in self.word

    def pattern(self) -> re.Pattern[str]:
        """Matches a word or phrase between word boundaries; a blank of it also matches a line break."""
        words = r"[\s#*>]+".join(map(re.escape, self.word.split()))
        return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE if self.word.islower() else 0)


def retired(page: str) -> list[Retired]:
    """Rows of the tables of the page's text.

    Raises:
      ValueError: The table is missing, or a row has no word.
    """
    _, found, table = page.partition("# Retired words\n")
    if not found:
        raise ValueError(f"{PAGE}: no heading 'Retired words'")
    rows = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[0] == "retired" or not cells[0].strip("-"):
            continue
        word = re.fullmatch(r"`([^`]+)`", cells[0])
        if word is None or len(cells) != 3:
            raise ValueError(f"{PAGE}: {line}: not `word` | term | files")
        rows.append(Retired(word[1], cells[1], tuple(re.findall(r"`([^`]+)`", cells[2]))))
    if not rows:
        raise ValueError(f"{PAGE}: the table 'Retired words' is empty")
    return rows


def find(words: Iterable[Retired], root: Path, files: Iterable[str]) -> Iterator[str]:
    """A line for each place of a retired word: `file:line: 'word' is retired; use term`."""
    words = list(words)
    patterns = [(one, one.pattern()) for one in words if not one.is_module]
    modules = {one.word: one for one in words if one.is_module}
    for name in files:
        if name in LEFT_OUT or not (Path(name).suffix in ENDINGS or Path(name).name == "Makefile"):
            continue
        text = (root / name).read_text(encoding="utf-8", errors="replace")
        found = [(match.start(), one) for one, pattern in patterns for match in pattern.finditer(text)]
        found += _modules(modules, text)
        for position, one in sorted(found, key=lambda place: place[0]):
            if not any(fnmatch(name, kept) for kept in one.stays_in):
                line = text.count("\n", 0, position) + 1
                yield f"{name}:{line}: '{one.word}' is retired; use {one.instead} ({PAGE})"


def missing_modules(words: Iterable[Retired], files: Iterable[str]) -> Iterator[str]:
    """A line for each row whose second column is a dotted name that no module or package has.

    Args:
      words: Rows of the page.
      files: All files of the repository, relative to it.
    """
    paths = {name.removesuffix(".py").removesuffix("/__init__") for name in files if name.endswith(".py")}
    for one in words:
        name = one.instead.strip("`")
        if one.is_module and NAME.fullmatch(name) and name.replace(".", "/") not in paths:
            yield f"{PAGE}: {one.instead}: no such module, to use instead of `{one.word}`"


def _modules(modules: Mapping[str, Retired], text: str) -> Iterator[tuple[int, Retired]]:
    """Where modules are named, with dots or as a path. There are hundreds of them: too many for a pattern each."""
    for match in NAME.finditer(text):
        parts = re.split("[./]", match[0])
        for start, end in combinations(range(len(parts) + 1), 2):
            if one := modules.get(".".join(parts[start:end])):
                yield match.start(), one


def main() -> int:
    """Prints what is found; 1 if that is something."""
    words, files = retired((ROOT / PAGE).read_text(encoding="utf-8")), tracked()
    found = [*find(words, ROOT, files), *missing_modules(words, files)]
    for line in found:
        sys.stdout.write(line + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
