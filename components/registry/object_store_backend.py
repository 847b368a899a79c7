"""A registry in an object store, where there is neither a lock nor a rename.

    <registry>/labels.json                          which version is live; changed by compare-and-swap
    <registry>/<n>/...                              version n; it counts from the moment its manifest.json is there
    <registry>/.pushes/<n>.json                     claim of the number n by a push: {"push": random, "state": ...}
    <registry>/.pushes/<n>-<random>/...             what that push has uploaded so far

A store must be strongly consistent and honour If-None-Match and If-Match, also for several writers at once, as S3,
Google's, Azure's and MinIO do; when a registry is made that is tried, and a store that does not is refused, see
conditional_writes.py. A push goes so:

  1. Claim a number: create .pushes/<n>.json, state "uploading", which succeeds for one push alone. Then look again: had
     another push just finished version n, the claim is given up for a larger number.
  2. Upload the files and manifest.json below .pushes/<n>-<random>/, read each back and compare its SHA-256.
  3. Commit: replace the claim, if it is still the one that was written, by state "publishing".
  4. Publish: copy within the store to <n>/, saved_model.pb after all else, compare sizes, manifest.json last.
  5. Delete the uploads, manifest.json first, and the claim.
  6. Read <n>/ back and compare manifest.json and every SHA-256 with what was pushed.
  7. labels.json, see Registry.push.

What can go wrong:

- Killed before 3: nothing lies below <n>/. A later push finds a claim older than a day by the store's own clock, first
  replaces it by "swept", then deletes the files. Was the owner alive after all, its commit fails, and it says so: no
  version that counts ever loses a file. Until then its number stays taken; numbers may have gaps.
- Killed in 4 or 5: the push is committed, so the next push finishes it. Copying the same bytes twice is harmless, so
  this needs no lock: whoever finds the uploads gone knows that somebody else was done. Readers of this package see the
  version only when it is whole. TF Serving takes any folder with a number for a version: one that looks between the
  first copy and saved_model.pb fails to load it, keeps the version that it has, and tries again
  (--max_num_load_retries, a minute apart). That is why bytes are not uploaded to <n>/ but copied within the store.
- Killed before 7: as in a folder, the version is whole but not live, until the same model is pushed again.
- A store that lets two writers at once through after all, although it passed the trial: both claim one number. The
  later content of the claim stands, so the other's commit meets another object and fails; should the commits race too,
  6 tells the push whose files are not there, and its version is not made live.
- An error in 2 (no space, no access): the push deletes what it uploaded, if it is let, and its claim.
- The answer to a conditional write is lost and the client repeats it: it meets its own object, which the random text
  in it tells.
- Parts of an interrupted multipart upload can be seen by nobody but cost money: give the bucket a lifecycle rule that
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
from components.registry.object_store import Listed, Objects, Taken, at_once
from components.shared.errors import PlumblineError
from components.shared.texts.file_names import below

PUSHES = ".pushes"
RESERVED = ".reserved"
ABANDONED = timedelta(days=1)
"""Age from which a push that has not committed is taken for dead."""
TRIAL = f"{PUSHES}/.try-"
"""Beginning of the names of the objects that a new registry's store is tried with."""
MODEL = "saved_model.pb"
"""TF Serving loads a folder once it has this."""
UPLOADING, PUBLISHING, SWEPT = "uploading", "publishing", "swept"

_VERSION = re.compile(r"(0|[1-9][0-9]*)/(.+)")
_CLAIM = re.compile(rf"{re.escape(PUSHES)}/([1-9][0-9]*)\.json")
_UPLOAD = re.compile(rf"{re.escape(PUSHES)}/([1-9][0-9]*)-([0-9a-f]{{32}})/(.+)")


class BucketStorage:
    """See `Storage`, and the protocol above."""

    def __init__(self, store: Objects) -> None:
        self.store = store

    # -- reading -------------------------------------------------------------------------------------------------

    def shown(self, name: str = "") -> str:
        """See `Storage`."""
        return self.store.shown(name)

    def read(self, name: str) -> tuple[bytes, Any] | None:
        """See `Storage`."""
        return self.store.read(name)

    def read_all(self, names: Iterable[str]) -> Iterator[tuple[bytes, Any] | None]:
        """See `Storage`."""
        return at_once(self.store.read, names)

    def versions(self) -> list[int]:
        """See `Storage`. One listing of all objects, 1,000 a request."""
        found = (_VERSION.fullmatch(one.name) for one in self.store.list())
        return sorted(int(match[1]) for match in found if match and match[2] == MANIFEST)

    def has(self, version: int) -> bool:
        """See `Storage`."""
        return self.store.read(f"{version}/{MANIFEST}") is not None

    def digests(self, version: int) -> dict[str, str]:
        """See `Storage`."""
        return self._digests(f"{version}/")

    def fetch(self, version: int, folder: Path) -> dict[str, str]:
        """See `Storage`."""
        listed = self.store.list(f"{version}/")
        targets = {}
        for one in listed:
            relative = one.name.removeprefix(f"{version}/")
            target = below(folder, relative)
            if target is None:
                raise PlumblineError(f"{self.shown(one.name)}: is no file of a model; roll back or push again")
            targets[relative] = target
            targets[relative].parent.mkdir(parents=True, exist_ok=True)
        digests = at_once(lambda pair: self._digest(*pair), list(zip(listed, targets.values(), strict=True)))
        return {name: digest for name, digest in zip(targets, digests, strict=True) if name not in (MANIFEST, *CARDS)}

    def _digests(self, below: str) -> dict[str, str]:
        about = {below + name for name in (MANIFEST, *CARDS)}
        listed = [one for one in self.store.list(below) if one.name not in about]
        digests = at_once(self._digest_of, listed)
        return {one.name.removeprefix(below): digest for one, digest in zip(listed, digests, strict=True)}

    def _digest_of(self, one: Listed) -> str:
        return self._digest(one, None)

    def _digest(self, one: Listed, into: Path | None) -> str:
        try:
            return self.store.sha256(one, into)
        except FileNotFoundError as exc:
            raise PlumblineError(f"{self.shown(one.name)}: was deleted while it was read; run again") from exc

    # -- writing -------------------------------------------------------------------------------------------------

    def locked(self) -> AbstractContextManager[None]:
        """A bucket has no lock; nothing here needs one."""
        return nullcontext()

    def sweep(self) -> None:
        """Finishes pushes that were killed after their commit."""
        for one in self.store.list(f"{PUSHES}/"):
            if (match := _CLAIM.fullmatch(one.name)) and (claim := self._claim(one.name))["state"] == PUBLISHING:
                self._publish(int(match[1]), claim["push"])

    def leftovers(self) -> list[str]:
        """See `Storage`. Of pushes that are committed but not finished, or older than a day by the store's clock."""
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
        """See `Storage`."""
        try:
            if seen is None:
                refuse_unless_conditional(self.store, TRIAL)  # before there is anything that another push could use
                self.store.create(LABELS, content)
            else:
                self.store.replace(LABELS, content, seen)
        except Taken:
            return False
        return True

    def add(self, model: Path, manifest: Mapping[str, Any], above: int, cards: Cards) -> int:
        """See `Storage`."""
        for name in manifest["files"]:
            if (model / name).stat().st_size > object_store.LARGEST_COPY:
                raise PlumblineError(f"{model / name}: is larger than 5 GiB, the most that can be copied in a bucket")
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
            for _ in at_once(lambda name: self.store.upload(below + name, model / name), copied):
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
        """See `Storage`. An object below its number, which without a manifest is no version."""
        self.store.write(f"{version}/{RESERVED}", b"")

    def _read_back(self, version: int, manifest: str, files: Mapping[str, str]) -> None:
        """Step 6."""
        read = self.store.read(f"{version}/{MANIFEST}")
        if read is None or read[0] != (manifest + "\n").encode() or self._digests(f"{version}/") != files:
            raise PlumblineError(
                f"{self.shown(str(version))}: is not what this push has published; either it was deleted meanwhile, "
                "or the store let two pushes at once take one number; delete this version and push again, one at a time"
            )

    def _claim_number(self, push: str, above: int) -> tuple[int, dict[str, str]]:
        """Step 1: the number, and what `replace` takes for the claim."""
        content = _claim_text(push, UPLOADING)
        version = max(above, self._highest()) + 1
        while True:
            name = _claim_name(version)
            try:
                seen = self.store.create(name, content)
            except Taken:
                read = self.store.read(name)
                if read is None or read[0] != content:  # else it is our own, whose answer was lost
                    version += 1
                    continue
                seen = read[1]
            if not self.store.list(f"{version}/"):
                return version, seen
            self.store.delete(name)
            version = max(version, self._highest()) + 1

    def _highest(self) -> int:
        """The largest number of which there is anything."""
        numbers = [0]
        for one in self.store.list():
            match = _VERSION.fullmatch(one.name) or _CLAIM.fullmatch(one.name)
            numbers += [int(match[1])] if match else []
        return max(numbers)

    def _commit(self, version: int, push: str, seen: dict[str, str]) -> None:
        """Step 3."""
        content = _claim_text(push, PUBLISHING)
        try:
            self.store.replace(_claim_name(version), content, seen)
        except Taken as exc:
            read = self.store.read(_claim_name(version))
            if read is None or read[0] != content:  # else the answer to our own was lost
                raise PlumblineError(
                    f"{self.shown()}: this push took longer than a day, so that another one swept it; run again"
                ) from exc

    def _publish(self, version: int, push: str) -> None:
        """Steps 4 and 5, by the push itself or by one that found it killed."""
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
        """Copies all but the manifest; False if the uploads vanish meanwhile, because another was done first."""
        early = [name for name in uploads if name not in (MODEL, MANIFEST)]
        late = [name for name in uploads if name == MODEL]
        for names in (early, late):
            if not all(at_once(lambda name: self.store.copy(below + name, target + name), names)):
                return False
        return True

    def _delete_uploads(self, below: str) -> None:
        # Without its manifest nobody takes what is left for a whole upload.
        self.store.delete(below + MANIFEST)
        for one in self.store.list(below):
            self.store.delete(one.name)

    def _give_up(self, version: int, push: str) -> None:
        """Undoes steps 1 and 2 as far as it is let; the error that led here is the one to tell."""
        try:
            read = self.store.read(_claim_name(version))
            if read is not None and read[0] == _claim_text(push, PUBLISHING):
                return  # it was committed after all: the next push finishes it
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
                if owner != match[2]:  # of a claim that is not dead, old files may be there all the same
                    self.store.delete(one.name)

    def _bury(self, name: str) -> None:
        """Takes a claim away from its push, so that it cannot commit; then deletes it."""
        read = self.store.read(name)
        if read is None or _claim_of(read[0])["state"] == PUBLISHING:
            return
        try:
            self.store.replace(name, _claim_text(_claim_of(read[0])["push"], SWEPT), read[1])
        except Taken:
            return  # it lives, or another buries it
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
    """What a claim says; of one that is gone or that nobody can read, nothing: it commits nothing."""
    try:
        claim = json.loads(content)
        return {"push": str(claim["push"]), "state": str(claim["state"])}
    except (ValueError, TypeError, KeyError):
        return {"push": "", "state": ""}
