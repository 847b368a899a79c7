"""Checks the links of all Markdown pages without network, and that files named in them exist.

    python -m docs.checks.links

Checked are: relative links and pictures; anchors, of the page itself and of other Markdown pages; paths in backticks
that begin with a folder of the repository; the names of docs/api.md (`::: module.name`); and that the site's navigation
lists every page of docs/. Exit code 1 if something is missing.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from docs.checks.tracked import ROOT, tracked

NAVIGATION = "deploy/docs/mkdocs.yml"
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
FOLDERS = ("benchmarks", "components", "data", "deploy", "docs", "notebooks", "pipeline", "schemas", "tests")
NAMED = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+\.(?:csv|ipynb|js|md|pbtxt|png|py|sh|svg|toml|yaml))`")
OWN_MODULE = re.compile(r"`(\w+\.py)`")
"""Named in a component's own page, without its folder."""
DOCUMENTED = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
MADE = ("data/flights/", "docs/site/")
"""Written by `make data` and `make docs`."""
EXAMPLES = re.compile(r"/(?:loans|sales)/")
"""Datasets of the documentation's examples."""


def check(root: Path, pages: list[str], files: frozenset[str]) -> Iterator[str]:
    """A line for each target that is missing.

    Args:
      root: Folder of the repository.
      pages: Markdown pages, relative to it.
      files: All files of the repository, relative to it.
    """
    folders = {str(parent) for name in files for parent in Path(name).parents}
    for page in pages:
        text = (root / page).read_text(encoding="utf-8")
        prose = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
        for match in LINK.finditer(CODE.sub(lambda code: " " * len(code[0]), prose)):
            if wrong := _wrong(root, page, match[1], files, folders):
                yield f"{page}:{_line(prose, match.start())}: {match[1]}: {wrong}"
        for match in NAMED.finditer(prose):
            name = match[1]
            if name not in files and not name.startswith(MADE) and not EXAMPLES.search(name):
                yield f"{page}:{_line(prose, match.start())}: {name}: no such file"
        for match in OWN_MODULE.finditer(prose) if page.startswith("components/") else ():
            if not any(name.startswith(f"{Path(page).parts[0]}/") and name.endswith(f"/{match[1]}") for name in files):
                yield f"{page}:{_line(prose, match.start())}: {match[1]}: no such module"
        for match in DOCUMENTED.finditer(prose):
            if not _defined(root, match[1], files):
                yield f"{page}:{_line(prose, match.start())}: {match[1]}: no module defines it"


def not_in_navigation(pages: list[str], navigation: str) -> Iterator[str]:
    """A line for each page of docs/ that deploy/docs/mkdocs.yml does not list.

    Args:
      pages: Markdown pages, relative to the repository.
      navigation: Text of that file.
    """
    listed = set(re.findall(r"[\w./-]+\.md\b", navigation.partition("\nnav:")[2]))
    for page in pages:
        if page.startswith("docs/") and page.removeprefix("docs/") not in listed:
            yield f"{page}: not in the navigation of {NAVIGATION}"


def _defined(root: Path, dotted: str, files: frozenset[str]) -> bool:
    """Whether a dotted name is a module, or a name at the top level of one."""
    module, _, name = dotted.rpartition(".")
    if f"{dotted.replace('.', '/')}.py" in files:
        return True
    path = f"{module.replace('.', '/')}.py"
    if path not in files:
        return False
    body = ast.parse((root / path).read_text(encoding="utf-8")).body
    return any(getattr(node, "name", "") == name for node in body)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _wrong(root: Path, page: str, link: str, files: frozenset[str], folders: set[str]) -> str:
    """Why a link leads nowhere; "" if it does not."""
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return ""
    path, _, anchor = unquote(link).partition("#")
    target = page
    if path:
        try:
            target = (root / page).parent.joinpath(path).resolve().relative_to(root).as_posix()
        except ValueError:
            return "leads out of the repository"
        if target not in files:
            return "" if target in folders and not anchor else "no such file"
    if anchor and target.endswith(".md") and anchor not in anchors(root / target):
        return f"no heading of {target} has this anchor"
    return ""


@cache
def anchors(page: Path) -> frozenset[str]:
    """Anchors of a page's headings, as GitHub and as Python-Markdown (mkdocs) make them, and explicit ones."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    seen: dict[str, int] = {}
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        found.add(f"{slug}-{number}" if number else slug)
        found.add(re.sub(r"[-\s]+", "-", slug))
    return frozenset(found)


def main() -> int:
    """Prints what is missing; 1 if something is."""
    files = frozenset(tracked())
    pages = [name for name in sorted(files) if name.endswith(".md")]
    found = list(check(ROOT, pages, files))
    found += not_in_navigation(pages, (ROOT / NAVIGATION).read_text(encoding="utf-8"))
    for line in found:
        sys.stdout.write(line + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
