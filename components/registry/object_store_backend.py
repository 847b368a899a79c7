"""A registry in an object store, which has neither locks nor renames.

    <registry>/labels.json                          the aliases; changed by compare-and-swap
    <registry>/<n>/...                              version n; it exists from the moment its manifest.json exists
    <registry>/.pushes/<n>.json                     claim of the number n by a push: {"push": random, "state": ...}
    <registry>/.pushes/<n>-<random>/...             files that this push has uploaded so far

A store must be strongly consistent and honour If-None-Match and If-Match, also for simultaneous writers, as S3, Google
Cloud Storage, Azure and MinIO do. This is tested when a registry is created, and a store that fails is rejected, see
conditional_writes.py. The steps of a push:

  1. Claim a number: create .pushes/<n>.json, state "uploading", which succeeds for one push only. Then list <n>/: if
     another push has just finished version n, give the claim up and claim a larger number.
  2. Upload the files and manifest.json below .pushes/<n>-<random>/, read each back and compare its SHA-256.
  3. Commit: replace the claim by state "publishing", on condition that it is unchanged.
  4. Publish: copy within the store to <n>/, saved_model.pb last, compare sizes, then copy manifest.json.
  5. Delete the uploads, manifest.json first, and the claim.
  6. Read <n>/ back and compare manifest.json and every SHA-256 with what was pushed.
  7. Update labels.json, see Registry.push.

Failures:

- Killed before 3: nothing exists below <n>/. A later push that finds a claim older than a day, by the store's clock,
  replaces it by state "swept" and then deletes the files. If the owner is still running, its commit fails with an
  error, so no version ever loses a file. Until then the number stays claimed; numbers may have gaps.
- Killed in 4 or 5: the push is committed, so the next push finishes it. Copying the same bytes twice is harmless, so
  this needs no lock: if the uploads are gone, another process has finished the push. Readers in this package see the
  version only when it is complete. TensorFlow Serving takes any folder with a number for a version: if it polls between
  the first copy and saved_model.pb, loading fails, it keeps its current version, and it tries again
  (--max_num_load_retries, at intervals of a minute). This is why files are copied within the store and not uploaded to
  <n>/.
- Killed before 7: as in a folder, the version is complete but not live, until the same model is pushed again.
- A store that passes the test but still lets two simultaneous writers succeed: both claim one number. The later write
  of the claim persists, so the other push's commit finds another object and fails. If the commits race, too, step 6
  reports it to the push whose files were overwritten, and its version does not become live.
- An error in 2 (no space, no access): the push deletes its uploads, if it can, and its claim.
- The response to a conditional write is lost and the client repeats the request: the condition fails on its own
  object, which the push recognises by the random text in it.
- Parts of an interrupted multipart upload are invisible but cost money: configure a lifecycle rule for the bucket that
  aborts them.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from components.registry import object_store
from components.registry.backend import CARDS, LABELS, MANIFEST, MODEL_VERSION, Cards, numbered, version_text
from components.registry.conditional_writes import refuse_unless_conditional
from components.registry.object_store import ObjectInfo, ObjectStore, PreconditionFailed, parallel_map
from components.shared.errors import PlumblineError
from components.shared.texts.file_names import below

PUSHES = ".pushes"
RESERVED = ".reserved"
ABANDONED = timedelta(days=1)
"""Age from which a push that has not committed counts as dead."""
TRIAL = f"{PUSHES}/.try-"
"""Prefix of the temporary objects for testing the store of a new registry."""
MODEL = "saved_model.pb"
"""TensorFlow Serving loads a version once this file exists."""
UPLOADING, PUBLISHING, SWEPT = "uploading", "publishing", "swept"

_VERSION = re.compile(r"(0|[1-9][0-9]*)/(.+)")
_CLAIM = re.compile(rf"{re.escape(PUSHES)}/([1-9][0-9]*)\.json")
_UPLOAD = re.compile(rf"{re.escape(PUSHES)}/([1-9][0-9]*)-([0-9a-f]{{32}})/(.+)")


class ObjectStoreBackend:
    """Implements `Storage` by the protocol in the module docstring."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    # -- reading -------------------------------------------------------------------------------------------------

    def shown(self, name: str = "") -> str:
        """See `RegistryBackend`."""
        return self.store.shown(name)

    def read(self, name: str) -> tuple[bytes, Any] | None:
        """See `RegistryBackend`."""
        return self.store.read(name)

    def read_all(self, names: Iterable[str]) -> Iterator[tuple[bytes, Any] | None]:
        """See `RegistryBackend`."""
        return parallel_map(self.store.read, names)

    def versions(self) -> list[int]:
        """See `RegistryBackend`. Lists all objects, 1,000 per request."""
        found = (_VERSION.fullmatch(one.name) for one in self.store.list())
        return sorted(int(match[1]) for match in found if match and match[2] == MANIFEST)

    def has(self, version: int) -> bool:
        """See `RegistryBackend`."""
        return self.store.read(f"{version}/{MANIFEST}") is not None

    def digests(self, version: int) -> dict[str, str]:
        """See `RegistryBackend`."""
        return self._digests(f"{version}/")

    def fetch(self, version: int, folder: Path) -> dict[str, str]:
        """See `RegistryBackend`."""
        listed = self.store.list(f"{version}/")
        targets = {}
        for one in listed:
            relative = one.name.removeprefix(f"{version}/")
            target = below(folder, relative)
            if target is None:
                raise PlumblineError(f"{self.shown(one.name)}: is not a file of a model; roll back or push again")
            targets[relative] = target
            targets[relative].parent.mkdir(parents=True, exist_ok=True)
        digests = parallel_map(lambda pair: self._digest(*pair), list(zip(listed, targets.values(), strict=True)))
        return {name: digest for name, digest in zip(targets, digests, strict=True) if name not in (MANIFEST, *CARDS)}

    def _digests(self, below: str) -> dict[str, str]:
        about = {below + name for name in (MANIFEST, *CARDS)}
        listed = [one for one in self.store.list(below) if one.name not in about]
        digests = parallel_map(self._digest_of, listed)
        return {one.name.removeprefix(below): digest for one, digest in zip(listed, digests, strict=True)}

    def _digest_of(self, one: ObjectInfo) -> str:
        return self._digest(one, None)

    def _digest(self, one: ObjectInfo, into: Path | None) -> str:
        try:
            return self.store.sha256(one, into)
        except FileNotFoundError as exc:
            raise PlumblineError(f"{self.shown(one.name)}: was deleted while it was read; run again") from exc

    # -- writing -------------------------------------------------------------------------------------------------

    def locked(self) -> AbstractContextManager[None]:
        """Returns a context without a lock; conditional writes replace it."""
        return nullcontext()

    def sweep(self) -> None:
        """Finishes pushes that were killed after their commit."""
        for one in self.store.list(f"{PUSHES}/"):
            if (match := _CLAIM.fullmatch(one.name)) and (claim := self._claim(one.name))["state"] == PUBLISHING:
                self._publish(int(match[1]), claim["push"])

    def leftovers(self) -> list[str]:
        """See `RegistryBackend`. Lists pushes that are committed but unfinished, or over a day old (store's clock)."""
        listed = self.store.list(f"{PUSHES}/")
        now = datetime.now(timezone.utc)
        committed = set()
        for one in listed:
            if (match := _CLAIM.fullmatch(one.name)) and self._claim(one.name)["state"] == PUBLISHING:
                committed.add(match[1])
        return sorted(
            one.name
            for one in listed
            if now - one.modified > ABANDONED
            or ((match := _CLAIM.fullmatch(one.name) or _UPLOAD.fullmatch(one.name)) and match[1] in committed)
        )

    def write_labels(self, content: bytes, seen: Any) -> bool:
        """See `RegistryBackend`."""
        try:
            if seen is None:
                refuse_unless_conditional(self.store, TRIAL)  # before anything exists that another push could use
                self.store.create(LABELS, content)
            else:
                self.store.replace(LABELS, content, seen)
        except PreconditionFailed:
            return False
        return True

    def add(self, model: Path, manifest: Mapping[str, Any], above: int, cards: Cards) -> int:
        """See `RegistryBackend`."""
        for name in manifest["files"]:
            if (model / name).stat().st_size > object_store.LARGEST_COPY:
                raise PlumblineError(f"{model / name}: is larger than 5 GiB, the limit for copying within a bucket")
        push = uuid.uuid4().hex
        version, seen = self._claim_number(push, above)
        below = _uploads(version, push)
        try:
            self._clean_up_after_the_dead(version)
            created = datetime.now(timezone.utc).isoformat(timespec="seconds")
            files = numbered(manifest["files"], version)
            about = {"created": created, **manifest, "files": files, "version": version}
            text = json.dumps(about, indent=2, ensure_ascii=False)
            copied = [name for name in files if name != MODEL_VERSION]
            for _ in parallel_map(lambda name: self.store.upload(below + name, model / name), copied):
                pass
            if MODEL_VERSION in files:
                self.store.write(below + MODEL_VERSION, version_text(version).encode())
            for name, card in cards(version).items():
                self.store.write(below + name, card.encode())
            self.store.write(below + MANIFEST, (text + "\n").encode())
            if self._digests(below) != files:
                raise PlumblineError(f"{model}: changed while it was copied to {self.shown()}; run again")
            self._commit(version, push, seen)
        except BaseException:
            self._give_up(version, push)
            raise
        self._publish(version, push)
        self._read_back(version, text, files)
        return version

    def reserve(self, version: int) -> None:
        """See `RegistryBackend`. Writes an object below the number; without a manifest it is not a version."""
        self.store.write(f"{version}/{RESERVED}", b"")

    def _read_back(self, version: int, manifest: str, files: Mapping[str, str]) -> None:
        """Performs step 6."""
        read = self.store.read(f"{version}/{MANIFEST}")
        if read is None or read[0] != (manifest + "\n").encode() or self._digests(f"{version}/") != files:
            raise PlumblineError(
                f"{self.shown(str(version))}: is not what this push has published; either it was deleted meanwhile, "
                "or the store let two pushes at once take one number; delete this version and push again, one at a time"
            )

    def _claim_number(self, push: str, above: int) -> tuple[int, dict[str, str]]:
        """Performs step 1; returns the number and the state of the claim."""
        content = _claim_text(push, UPLOADING)
        version = max(above, self._highest()) + 1
        while True:
            name = _claim_name(version)
            try:
                seen = self.store.create(name, content)
            except PreconditionFailed:
                read = self.store.read(name)
                if read is None or read[0] != content:  # equal content: our own claim, whose response was lost
                    version += 1
                    continue
                seen = read[1]
            if not self.store.list(f"{version}/"):
                return version, seen
            self.store.delete(name)
            version = max(version, self._highest()) + 1

    def _highest(self) -> int:
        """The largest number with any object."""
        numbers = [0]
        for one in self.store.list():
            match = _VERSION.fullmatch(one.name) or _CLAIM.fullmatch(one.name)
            numbers += [int(match[1])] if match else []
        return max(numbers)

    def _commit(self, version: int, push: str, seen: dict[str, str]) -> None:
        """Performs step 3."""
        content = _claim_text(push, PUBLISHING)
        try:
            self.store.replace(_claim_name(version), content, seen)
        except PreconditionFailed as exc:
            read = self.store.read(_claim_name(version))
            if read is None or read[0] != content:  # equal content: our own commit, whose response was lost
                raise PlumblineError(
                    f"{self.shown()}: this push took longer than a day and was discarded by another one; run again"
                ) from exc

    def _publish(self, version: int, push: str) -> None:
        """Performs steps 4 and 5, for this push or for one that was killed."""
        below, target = _uploads(version, push), f"{version}/"
        if not self.has(version):
            uploads = {one.name.removeprefix(below): one.bytes for one in self.store.list(below)}
            if MANIFEST in uploads and self._copied(below, target, uploads):
                there = {one.name.removeprefix(target): one.bytes for one in self.store.list(target)}
                if {**there, MANIFEST: uploads[MANIFEST]} != uploads:
                    raise PlumblineError(f"{self.shown(target)}: is not what was uploaded; delete it and push again")
                self.store.copy(below + MANIFEST, target + MANIFEST)
        self._delete_uploads(below)
        self.store.delete(_claim_name(version))

    def _copied(self, below: str, target: str, uploads: Mapping[str, int]) -> bool:
        """Copies all but the manifest; returns False if the uploads disappear because another process finished."""
        early = [name for name in uploads if name not in (MODEL, MANIFEST)]
        late = [name for name in uploads if name == MODEL]
        for names in (early, late):
            if not all(parallel_map(lambda name: self.store.copy(below + name, target + name), names)):
                return False
        return True

    def _delete_uploads(self, below: str) -> None:
        # The manifest first: without it, the remaining files do not count as a complete upload.
        self.store.delete(below + MANIFEST)
        for one in self.store.list(below):
            self.store.delete(one.name)

    def _give_up(self, version: int, push: str) -> None:
        """Undoes steps 1 and 2 if possible; the caller reports the error that led here."""
        try:
            read = self.store.read(_claim_name(version))
            if read is not None and read[0] == _claim_text(push, PUBLISHING):
                return  # the commit did succeed: the next push finishes it
            self._delete_uploads(_uploads(version, push))
            if read is not None and read[0] == _claim_text(push, UPLOADING):
                self.store.delete(_claim_name(version))
        except PlumblineError:
            pass

    def _clean_up_after_the_dead(self, own: int) -> None:
        """Deletes what pushes left that were killed before their commit."""
        listed = self.store.list(f"{PUSHES}/")
        now = next((one.modified for one in listed if one.name == _claim_name(own)), None)
        if now is None:
            return
        dead = [one for one in listed if now - one.modified > ABANDONED]
        for one in dead:
            if _CLAIM.fullmatch(one.name):
                self._bury(one.name)
            elif one.name.startswith(TRIAL):
                self.store.delete(one.name)
        owners: dict[str, str] = {}
        for one in dead:
            if match := _UPLOAD.fullmatch(one.name):
                claim = _claim_name(int(match[1]))
                owner = owners.get(claim)
                if owner is None:
                    owner = owners[claim] = self._claim(claim)["push"]
                if owner != match[2]:  # an active claim may have old files of a dead push, too
                    self.store.delete(one.name)

    def _bury(self, name: str) -> None:
        """Revokes a claim, so that its push cannot commit, and deletes it."""
        read = self.store.read(name)
        if read is None or _claim_of(read[0])["state"] == PUBLISHING:
            return
        try:
            self.store.replace(name, _claim_text(_claim_of(read[0])["push"], SWEPT), read[1])
        except PreconditionFailed:
            return  # its push is still active, or another process revokes it
        self.store.delete(name)

    def _claim(self, name: str) -> dict[str, str]:
        read = self.store.read(name)
        return _claim_of(read[0] if read else b"")


def _uploads(version: int, push: str) -> str:
    return f"{PUSHES}/{version}-{push}/"


def _claim_name(version: int) -> str:
    return f"{PUSHES}/{version}.json"


def _claim_text(push: str, state: str) -> bytes:
    return json.dumps({"push": push, "state": state}).encode()


def _claim_of(content: bytes) -> dict[str, str]:
    """Parses a claim; a missing or invalid one has no push and no state, so that it cannot commit."""
    try:
        claim = json.loads(content)
        return {"push": str(claim["push"]), "state": str(claim["state"])}
    except (ValueError, TypeError, KeyError):
        return {"push": "", "state": ""}
