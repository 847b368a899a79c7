"""Records the files of artifacts, and checks that an artifact still has the files that its component wrote.

When an execution publishes its outputs, `record` stores names, sizes, times and SHA-256 of all files of each output.
The record is outside of the artifact's folder, because components read whole folders:

    artifacts/Trainer/model/7/                  the artifact, where TFX puts it
    artifacts/.records/Trainer/model/7.json     its record

Record.content, three values in one text, is stored in ML Metadata as the custom property CONTENT. It serves to check an
artifact whose record is lost, and one that an object store copied, which does not preserve times.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from components.shared.files import sha256, write_text

RECORDS = ".records"
FORMAT = 1
CONTENT = "content"
"""Custom property of an artifact: "<files> <bytes> <sha256>", see `ArtifactRecord.content`."""
KINDS = ("missing", "size", "digest", "extra", "content")
"""Kinds of findings: a file is missing, has another size, has other bytes, or was not written by the component; or, if
only CONTENT is known, the artifact as a whole differs."""

_PASSING = frozenset({errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.EINTR, errno.ENOMEM})
"""Transient errors that say nothing about a file: the artifact is not set aside for them."""


@dataclass(frozen=True)
class FileRecord:
    """A file: size in bytes, time of its last change in ns since 1970, SHA-256 in hexadecimal."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class ArtifactRecord:
    """All files of an artifact, by POSIX path relative to its folder; the path "" means an artifact of one file."""

    files: Mapping[str, FileRecord]

    @cached_property
    def content(self) -> str:
        """Number of files, total bytes, and one SHA-256 over names, sizes and digests; times are not included."""
        digest = hashlib.sha256()
        for name, file in sorted(self.files.items()):
            digest.update(f"{name}\n{file.size} {file.sha256}\n".encode("utf-8", "surrogateescape"))
        return f"{len(self.files)} {sum(file.size for file in self.files.values())} {digest.hexdigest()}"


@dataclass(frozen=True)
class IntegrityFinding:
    """A difference between an artifact and its record.

    Attributes:
      kind: One of KINDS.
      file: Path relative to the artifact; "" for the artifact itself.
      detail: The difference, as a clause.
    """

    kind: str
    file: str
    detail: str


def record(uri: str) -> ArtifactRecord:
    """Describes an artifact, saves the record and returns it; raises OSError if a file cannot be read."""
    made = describe(uri)
    save(uri, made)
    return made


def describe(uri: str) -> ArtifactRecord:
    """Reads all files of an artifact, two in parallel; raises OSError if it is missing or a file cannot be read."""
    found = dict(_stats(uri))

    def one(item: tuple[str, os.stat_result]) -> tuple[str, FileRecord]:
        name, stat = item
        return name, FileRecord(stat.st_size, stat.st_mtime_ns, _sha256(_path(uri, name)))

    if sum(stat.st_size for stat in found.values()) < 1 << 22:  # too little for starting threads to pay
        return ArtifactRecord(dict(map(one, found.items())))
    with ThreadPoolExecutor(2) as pool:  # OpenSSL releases the interpreter's lock
        return ArtifactRecord(dict(pool.map(one, found.items())))


def save(uri: str, made: ArtifactRecord) -> None:
    """Writes a record, atomically."""
    files = {name: [file.size, file.mtime_ns, file.sha256] for name, file in sorted(made.files.items())}
    write_text(record_file(uri), json.dumps({"format": FORMAT, "files": files}) + "\n")


def load_record(uri: str) -> ArtifactRecord | None:
    """Returns the record of an artifact; None if it is missing or unreadable, so that the artifact is unverified."""
    try:
        found = json.loads(record_file(uri).read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            return None
        return ArtifactRecord({name: _file_record(values) for name, values in found["files"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def forget(uri: str) -> None:
    """Deletes the record of an artifact that no longer exists."""
    record_file(uri).unlink(missing_ok=True)


def record_file(uri: str) -> Path:
    """Returns the path of an artifact's record.

    The record of <root>/<node>/<output>/<execution> is <root>/.records/<node>/<output>/<execution>.json.
    """
    root, node, output, execution = _parts(uri)
    return root / RECORDS / node / output / f"{execution}.json"


def check_artifact(uri: str, made: ArtifactRecord, *, digests: bool) -> list[IntegrityFinding]:
    """Compares an artifact with its record.

    Args:
      uri: Folder of the artifact, or its only file.
      made: Its record.
      digests: Whether to read every file. Otherwise only files with another time are read, such as those of a copied
        folder; a file with the recorded size and time counts as unchanged.

    Returns:
      Findings sorted by file; empty if the artifact is unchanged.
    """
    return _compared(uri, made, digests)[0]


def check_and_renew(uri: str, made: ArtifactRecord, *, digests: bool) -> list[IntegrityFinding]:
    """Compares like `check`; if the artifact is unchanged but files have other times, updates the times in the record.

    A folder that was copied or restored without its times is therefore read once, and not at every use. The times are
    taken before the files are read: a file that is written in the meantime has another time and is read again at the
    next use.

    Args:
      uri: Folder of the artifact, or its only file.
      made: Its record.
      digests: See `check`.

    Raises:
      OSError: As in `check`, or the record cannot be written.
    """
    findings, stats = _compared(uri, made, digests)
    if not findings and any(stats[name].st_mtime_ns != file.mtime_ns for name, file in made.files.items()):
        save(
            uri,
            ArtifactRecord(
                {name: replace(file, mtime_ns=stats[name].st_mtime_ns) for name, file in made.files.items()}
            ),
        )
    return findings


def _compared(
    uri: str, made: ArtifactRecord, digests: bool
) -> tuple[list[IntegrityFinding], dict[str, os.stat_result]]:
    """Findings as in `check`, and the status of each file before it was read."""
    try:
        found = dict(_stats(uri))
    except (FileNotFoundError, NotADirectoryError):  # other errors say nothing about the artifact
        found = {}
    findings = [
        IntegrityFinding("extra", name, "was not written by the component") for name in found.keys() - made.files.keys()
    ]
    suspected = []
    for name, file in made.files.items():
        stat = found.get(name)
        if stat is None:
            findings.append(IntegrityFinding("missing", name, "is missing"))
        elif stat.st_size != file.size:
            findings.append(IntegrityFinding("size", name, f"has {stat.st_size:,} bytes instead of {file.size:,}"))
        elif digests or stat.st_mtime_ns != file.mtime_ns:
            suspected.append(name)
    with ThreadPoolExecutor(2) as pool:
        for name, digest in zip(suspected, pool.map(lambda name: _digest(uri, name), suspected), strict=True):
            if digest is None:
                findings.append(IntegrityFinding("digest", name, "cannot be read"))
            elif digest != made.files[name].sha256:
                findings.append(IntegrityFinding("digest", name, "has other bytes than were written"))
    return sorted(findings, key=lambda finding: (finding.file, finding.kind)), found


def check_content(uri: str, content: str) -> list[IntegrityFinding]:
    """Compares an artifact without a record with its CONTENT; reads every file unless number or bytes differ."""
    try:
        stats = dict(_stats(uri))
        there = f"{len(stats)} {sum(stat.st_size for stat in stats.values())}"
        recorded = content.rpartition(" ")[0]
        if there != recorded:
            return [IntegrityFinding("content", "", f"has {_counted(there)} instead of {_counted(recorded)}")]
        same = describe(uri).content == content
    except OSError as exc:
        return [IntegrityFinding("content", "", f"cannot be read ({exc.strerror or exc})")]
    return [] if same else [IntegrityFinding("content", "", "has other bytes than were written")]


def check_known(uri: str, content: str) -> list[IntegrityFinding]:
    """Reads every file and compares with the record, else with CONTENT; no findings if neither is known."""
    made = load_record(uri)
    if made is not None:
        return check_artifact(uri, made, digests=True)
    return check_content(uri, content) if content else []


def set_aside(uri: str, folder: Path) -> Path | None:
    """Moves a damaged artifact and its record below `folder`; returns its new path, None if it no longer exists."""
    target = _free(folder / Path(uri).name)
    target.parent.mkdir(parents=True, exist_ok=True)
    moved = None
    if os.path.lexists(uri):
        shutil.move(uri, target)
        moved = target
    if record_file(uri).exists():
        shutil.move(record_file(uri), target.with_name(f"{target.name}.record.json"))
    return moved


def _stats(uri: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yields relative path and status of each file of an artifact; raises OSError if the artifact is missing."""
    if os.path.isfile(uri):
        yield "", os.stat(uri)
        return
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(os.path.join(uri, below)) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name)
                else:  # for a link to a folder or a broken link, the content is its target's name
                    yield name, entry.stat(follow_symlinks=entry.is_file())


def _digest(uri: str, name: str) -> str | None:
    try:
        return _sha256(_path(uri, name))
    except OSError as exc:
        if exc.errno in _PASSING:
            raise
        return None


def _sha256(path: Path) -> str:
    if path.is_symlink() and not path.is_file():
        return hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
    return sha256(path)


def _path(uri: str, name: str) -> Path:
    return Path(uri, name) if name else Path(uri)


def _parts(uri: str) -> tuple[Path, str, str, str]:
    path = Path(uri)
    return path.parents[2], path.parents[1].name, path.parents[0].name, path.name


def _file_record(values: list[object]) -> FileRecord:
    size, mtime_ns, digest = values
    if not (isinstance(size, int) and isinstance(mtime_ns, int) and isinstance(digest, str)):
        raise TypeError(f"{values!r} is not a record of a file")
    return FileRecord(size, mtime_ns, digest)


def _counted(recorded: str) -> str:
    files, _, size = recorded.partition(" ")
    return f"{int(files):,} files of {int(size):,} bytes" if files.isdigit() and size.isdigit() else "what was recorded"


def _free(path: Path) -> Path:
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
