"""Detects a metadata store that does not describe the artifacts beside it.

The store carries an identity in a context of type KIND, the artifacts in a file. A difference shows that the store was
lost, restored from an older copy, or copied from another root. It is reported once. The store is used nevertheless:
artifacts are verified before use, and no execution writes into an existing folder, whatever ids the store assigns (see
pipeline/runners/local/launcher_extensions.py).
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.files import write_json
from pipeline.metadata.backups import newest_backup
from pipeline.metadata.connection import metadata_file

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

KIND = "plumbline.store"
"""Type of the context whose name is the store's identity."""
FILE = ".metadata_store.json"
"""Name of the file in the folder of the artifacts."""


@dataclass(frozen=True)
class StoreIdentity:
    """The record of the metadata store that is kept beside the artifacts.

    Attributes:
      id: Identity of the store.
      executions: Largest execution id when a run last used the artifacts.
      folders: Largest execution number among the folders that were reported as unknown to the store.
      home: <root>/<dataset> when a run last used the artifacts.
    """

    id: str
    executions: int
    folders: int
    home: str


def reconcile(home: Path, store: "metadata_store.MetadataStore") -> str:
    """Compares the store's identity with the record beside the artifacts, then updates both.

    Args:
      home: <root>/<dataset>.
      store: ML Metadata, open for writing.

    Returns:
      A line that describes a difference and its consequences; "" if there is none.
    """
    known, newest = _identity(store), _newest_execution(store)
    beside = _load(home)
    folders = max(_execution_folders(home / "artifacts"), default=0)
    line = _line(home, known, newest, beside, folders)
    if known == "":
        known = _identify(store)
    told = folders if line else (beside.folders if beside else 0)
    _save(home, StoreIdentity(known, newest, told, str(home)), beside)
    return line


def record_executions(home: Path, store: "metadata_store.MetadataStore") -> None:
    """Records the store's newest execution beside the artifacts, at the end of a run."""
    beside = _load(home)
    if beside is not None:
        _save(home, StoreIdentity(beside.id, _newest_execution(store), beside.folders, str(home)), beside)


def _line(home: Path, known: str, newest: int, beside: StoreIdentity | None, folders: int) -> str:
    unknown = folders > max(newest, beside.folders if beside else 0)
    kept = f"the artifacts in {home / 'artifacts'} are kept; those that it does not describe are not used"
    backup = newest_backup(home)
    mend = f"; to restore it, stop the run and copy {backup} to {metadata_file(home)}" if backup else ""
    if beside is not None and known and known != beside.id:
        return f"the metadata belongs to other artifacts than those beside it (copied from another root?): {kept}{mend}"
    if beside is not None and not known:
        return f"the metadata is new, but artifacts of an earlier store exist (was it lost?): {kept}{mend}"
    if beside is not None and newest < beside.executions:
        return (
            f"the metadata ends with execution {newest:,}, but artifacts of execution {beside.executions:,} exist (was "
            f"an older copy restored?): {kept}"
        )
    if unknown:
        return f"the metadata does not contain the newest artifacts beside it (was it lost or replaced?): {kept}{mend}"
    if beside is not None and beside.home != str(home):
        return f"the runs were at {beside.home} before: undamaged artifacts that the metadata names there are used"
    return ""


def _identity(store: "metadata_store.MetadataStore") -> str:
    found = store.get_contexts_by_type(KIND)
    return str(found[0].name) if found else ""


def _identify(store: "metadata_store.MetadataStore") -> str:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    name = uuid.uuid4().hex
    kind = store.put_context_type(mlmd.ContextType(name=KIND))
    store.put_contexts([mlmd.Context(type_id=kind, name=name)])
    return name


def _newest_execution(store: "metadata_store.MetadataStore") -> int:
    from ml_metadata.metadata_store import ListOptions, OrderByField

    found = store.get_executions(list_options=ListOptions(limit=1, order_by=OrderByField.ID, is_asc=False))
    return int(found[0].id) if found else 0


def _execution_folders(artifacts: Path) -> Iterator[int]:
    """Execution numbers of the folders <artifacts>/<node>/<output>/<number>."""
    for folder in artifacts.glob("[!.]*/[!.]*/[0-9]*"):
        number = folder.name.partition("-")[0]
        if number.isdecimal():
            yield int(number)


def _load(home: Path) -> StoreIdentity | None:
    try:
        found: dict[str, Any] = json.loads((home / "artifacts" / FILE).read_text(encoding="utf-8"))
        return StoreIdentity(str(found["id"]), int(found["executions"]), int(found["folders"]), str(found["home"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(home: Path, now: StoreIdentity, before: StoreIdentity | None) -> None:
    if now != before:
        write_json(home / "artifacts" / FILE, asdict(now))
