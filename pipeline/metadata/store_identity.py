"""Whether the metadata beside a root's artifacts is the one that describes them.

Both sides carry an identity: the metadata a context of the type KIND, the artifacts a file. A store that was lost,
restored from an older copy or taken from another root is noticed by what does not fit, and named once. Nothing else
happens to it: what it describes is checked before it is used, and no execution writes into a folder that is there (see
launching.py), whatever ids the metadata gives.
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
"""Below the folder of the artifacts."""


@dataclass(frozen=True)
class StoreIdentity:
    """What the artifacts know of their metadata.

    Attributes:
      id: Of the store.
      executions: Id of the newest execution that they have seen.
      folders: Number of the newest execution's folder among those that were told to be unknown to the store.
      home: <root>/<dataset> when they were last used.
    """

    id: str
    executions: int
    folders: int
    home: str


def reconcile(home: Path, store: "metadata_store.MetadataStore") -> str:
    """Compares both sides and lets them agree from now on.

    Args:
      home: <root>/<dataset>.
      store: ML Metadata, open for writing.

    Returns:
      A line that says what does not fit and what follows; "" if all fits.
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
    """Notes at the end of a run which executions the artifacts have seen."""
    beside = _load(home)
    if beside is not None:
        _save(home, StoreIdentity(beside.id, _newest_execution(store), beside.folders, str(home)), beside)


def _line(home: Path, known: str, newest: int, beside: StoreIdentity | None, folders: int) -> str:
    unknown = folders > max(newest, beside.folders if beside else 0)
    kept = f"the artifacts in {home / 'artifacts'} are kept, those that it does not describe are not used again"
    backup = newest_backup(home)
    mend = f"; to have it back: stop, and copy {backup} to {metadata_file(home)}" if backup else ""
    if beside is not None and known and known != beside.id:
        return f"the metadata belongs to other artifacts than those beside it (another root's?): {kept}{mend}"
    if beside is not None and not known:
        return f"the metadata is new, but artifacts of an earlier one are there (was it lost?): {kept}{mend}"
    if beside is not None and newest < beside.executions:
        return (
            f"the metadata ends with execution {newest:,}, but the artifacts have seen {beside.executions:,} (was an "
            f"older copy restored?): {kept}"
        )
    if unknown:
        return f"the metadata does not know the newest artifacts beside it (was it lost or replaced?): {kept}{mend}"
    if beside is not None and beside.home != str(home):
        return (
            f"the runs were at {beside.home} before: results that the metadata names there are used if they are whole"
        )
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
    """Numbers of the executions that have a folder: <artifacts>/<node>/<output>/<number>."""
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
