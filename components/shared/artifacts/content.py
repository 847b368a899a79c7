"""Computes and compares CONTENT of artifacts in folders and in object stores, see integrity.py.

Objects are not read, because that would transfer all data a second time: their CONTENT has "-" in place of a SHA-256,
and only number of files and bytes are compared. Components that have a copy in a folder read all of it.
"""

import os
from collections.abc import Iterator
from typing import Any

from components.shared.artifacts.integrity import IntegrityFinding, check_content, describe

UNREAD = "-"
"""In place of the SHA-256 of files that were not read."""


def content_of(uri: str) -> str:
    """Returns CONTENT of an artifact; a missing one has 0 files."""
    if "://" in uri:
        return f"{_counted(uri)} {UNREAD}"
    return describe(uri).content if os.path.lexists(uri) else f"0 0 {UNREAD}"


def content_findings(uri: str, content: str) -> list[IntegrityFinding]:
    """Compares an artifact with its CONTENT; the SHA-256 only if both have one."""
    counted, _, digest = content.rpartition(" ")
    if "://" not in uri and digest != UNREAD:
        return check_content(uri, content)
    there = _counted(uri) if "://" in uri else content_of(uri).rpartition(" ")[0]
    if there == counted:
        return []
    (files, size), (files_then, size_then) = there.split(), counted.split()
    message = f"has {int(files):,} files of {int(size):,} bytes instead of {int(files_then):,} of {int(size_then):,}"
    return [IntegrityFinding("content", "", message)]


def _counted(url: str) -> str:
    sizes = list(_sizes(url))
    return f"{len(sizes)} {sum(sizes)}"


def _sizes(url: str) -> Iterator[int]:
    """Yields the size of each object below a URL, by Beam's file systems, which the components use, too."""
    from apache_beam.io.filesystems import FileSystems

    (below,) = FileSystems.match([f"{url.rstrip('/')}/**"])
    found: list[Any] = below.metadata_list
    if not found:  # the artifact is a single object
        found = FileSystems.match([url])[0].metadata_list
    for one in found:
        if not one.path.endswith("/"):
            yield int(one.size_in_bytes)
