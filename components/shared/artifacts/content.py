"""CONTENT of an artifact wherever it lies: in a folder, or by URL in an object store. See artifact_integrity.

Objects are not read, since that would be a second transfer of all data: their CONTENT says number and bytes, and "-"
instead of a SHA-256. Those two numbers are compared then; a step that has a copy in a folder reads all of it.
"""

import os
from collections.abc import Iterator
from typing import Any

from components.shared.artifacts.integrity import Finding, check_content, describe

UNREAD = "-"
"""Instead of the SHA-256 of files that were not read."""


def content_of(uri: str) -> str:
    """CONTENT of an artifact; that of one which is not there says no files."""
    if "://" in uri:
        return f"{_counted(uri)} {UNREAD}"
    return describe(uri).content if os.path.lexists(uri) else f"0 0 {UNREAD}"


def content_findings(uri: str, content: str) -> list[Finding]:
    """Compares an artifact with its CONTENT, as far as both are known."""
    counted, _, digest = content.rpartition(" ")
    if "://" not in uri and digest != UNREAD:
        return check_content(uri, content)
    there = _counted(uri) if "://" in uri else content_of(uri).rpartition(" ")[0]
    if there == counted:
        return []
    (files, size), (files_then, size_then) = there.split(), counted.split()
    said = f"has {int(files):,} files of {int(size):,} bytes instead of {int(files_then):,} of {int(size_then):,}"
    return [Finding("content", "", said)]


def _counted(url: str) -> str:
    sizes = list(_sizes(url))
    return f"{len(sizes)} {sum(sizes)}"


def _sizes(url: str) -> Iterator[int]:
    """Bytes of each object below a URL, through TensorFlow's or Beam's file systems, as the steps read them."""
    from apache_beam.io.filesystems import FileSystems

    (below,) = FileSystems.match([f"{url.rstrip('/')}/**"])
    found: list[Any] = below.metadata_list
    if not found:  # an artifact of one object
        found = FileSystems.match([url])[0].metadata_list
    for one in found:
        if not one.path.endswith("/"):
            yield int(one.size_in_bytes)
