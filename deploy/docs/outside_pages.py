"""mkdocs hook: takes pages that lie outside of docs/ into the site, and makes links to the repository's files work.

README.md becomes the site's first page. A file that a page links to and that is no page (a module, say) is copied as
text below source/.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from docs.checks.links import CODE, FENCE, LINK

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "components/table_reading/README.md": "project/components/table_reading.md",
    "components/drift_validator/README.md": "project/components/drift_validator.md",
    "data/README.md": "project/data.md",
}
"""Path in the repository -> page of the site."""


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages, and the files that any page links to."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    known = {file.src_uri for file in files}
    for page in [file.src_uri for file in files.documentation_pages()]:
        for _, target in _targets(page, (ROOT / _source(page)).read_text(encoding="utf-8")):
            copy = _page(target)
            if copy not in known and (ROOT / target).is_file():
                files.append(File.generated(config, copy, content=(ROOT / target).read_bytes()))
                known.add(copy)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links to files of the repository into links within the site; a link to a folder becomes its text."""
    here = page.file.src_uri
    for link, target in dict(_targets(here, markdown)).items():
        if (ROOT / target).is_dir():
            markdown = re.sub(rf"\[([^\]]+)\]\({re.escape(link)}\)", r"\1", markdown)
        else:
            anchor = link.partition("#")[2]
            there = posixpath.relpath(_page(target), posixpath.dirname(here) or ".")
            markdown = markdown.replace(f"]({link})", f"]({there}#{anchor})" if anchor else f"]({there})")
    return markdown


def _targets(page: str, text: str) -> list[tuple[str, str]]:
    """(link, path in the repository) of each relative link of a page."""
    found = []
    for link in LINK.findall(CODE.sub("", FENCE.sub("", text))):
        path = link.partition("#")[0]
        if path and not re.match(r"[a-z][a-z0-9+.-]*:", link):
            found.append((link, posixpath.normpath(posixpath.join(posixpath.dirname(_source(page)), path))))
    return found


def _source(page: str) -> str:
    """Path in the repository of a page of the site."""
    return next((source for source, where in OUTSIDE.items() if where == page), f"docs/{page}")


def _page(source: str) -> str:
    """Path in the site of a file of the repository."""
    if source in OUTSIDE:
        return OUTSIDE[source]
    return source.removeprefix("docs/") if source.startswith("docs/") else f"source/{source}.txt"
