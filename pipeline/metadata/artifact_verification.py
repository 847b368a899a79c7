"""Verifies artifacts before they are used, and sets damaged ones aside so that the run produces them again.

To set an artifact aside means to move it, with its record of files, to <root>/<dataset>/set-aside/<node>/<output>/ and
to mark it as deleted in ML Metadata, so that the cache no longer uses it. Its files are kept for inspection.
"""

import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.shared.artifacts import integrity
from components.shared.artifacts.integrity import CONTENT, IntegrityFinding
from components.shared.errors import DamagedArtifact
from components.shared.failure_log import log_failure

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

_log = logging.getLogger(__name__)

SET_ASIDE = "set-aside"
PLACE = "set_aside"
"""Custom property of an artifact that was set aside: the new folder of its files; "" if there were no files."""


class Verifier:
    """Verifies the artifacts of one run.

    Args of the constructor:
      home: <root>/<dataset>.
      digests: Compare the digests of all files, once per artifact; otherwise only of files whose modification time has
        changed.
      tell: Receives a line for each artifact that is set aside.
    """

    def __init__(self, home: Path, *, digests: bool = False, tell: Callable[[str], None] = lambda line: None) -> None:
        self.home = home
        self.lines: list[str] = []
        self._digests = digests
        self._tell = tell
        self._read: set[int] = set()

    def findings(self, artifact: "mlmd.Artifact") -> list[IntegrityFinding]:
        """Returns the differences between an artifact and what its component wrote; empty if there are none.

        An artifact of an earlier version of Plumbline has no record of its files: a record is made, and the artifact
        counts as undamaged. If an artifact was copied without modification times, its record gets the new times after
        all files have been compared.
        """
        uri = artifact.uri
        if not uri or "://" in uri:
            return []
        made = integrity.load_record(uri)
        digests = self._digests and artifact.id not in self._read
        if made is not None:
            found = self._check(uri, made, digests)
        elif CONTENT in artifact.custom_properties:
            found = integrity.check_content(uri, artifact.custom_properties[CONTENT].string_value)
        else:
            found = []
        if found:
            return found
        if digests:
            self._read.add(artifact.id)
        if made is None:
            self._record(uri)
        return []

    def set_aside_damaged(
        self, store: "metadata_store.MetadataStore", artifacts: "Iterable[mlmd.Artifact]", *, again: bool = True
    ) -> bool:
        """Sets damaged artifacts aside.

        Args:
          store: ML Metadata, open for writing.
          artifacts: The artifacts to verify.
          again: This run produces damaged artifacts again; the message says so.

        Returns:
          Whether any artifact was damaged.
        """
        damaged = [(artifact, found) for artifact in artifacts if (found := self.findings(artifact))]
        for artifact, found in damaged:
            self._set_aside(store, artifact, found, again)
        return bool(damaged)

    def check_inputs(self, store: "metadata_store.MetadataStore", artifacts: "Sequence[mlmd.Artifact]") -> None:
        """Verifies the inputs of a step and sets damaged ones aside.

        Raises:
          DamagedArtifact: An input is damaged.
        """
        damaged = [(artifact, found) for artifact in artifacts if (found := self.findings(artifact))]
        for artifact, found in damaged:
            self._set_aside(store, artifact, found, again=True)
        if damaged:
            artifact, found = damaged[0]
            raise DamagedArtifact(f"{artifact.uri}: {_said(found)}; it is set aside, run again", artifact.uri)

    def set_aside_uri(self, store: "metadata_store.MetadataStore", uri: str, why: str) -> None:
        """Sets aside the live artifacts of a URI that a component has reported as damaged.

        Args:
          store: ML Metadata, open for writing.
          uri: The artifact's folder.
          why: The reason, for the message.
        """
        live = [one for one in store.get_artifacts_by_uri(uri) if one.state == one.LIVE]
        for artifact in live:
            self._set_aside(store, artifact, [IntegrityFinding("content", "", why)], again=True)

    def _set_aside(
        self,
        store: "metadata_store.MetadataStore",
        artifact: "mlmd.Artifact",
        found: list[IntegrityFinding],
        again: bool,
    ) -> None:
        path = Path(artifact.uri)
        # Mark it first: if the process is killed before the move, the next run produces the artifact again.
        artifact.state = artifact.DELETED
        artifact.custom_properties[PLACE].string_value = ""
        store.put_artifacts([artifact])
        moved = None
        try:
            if path.is_relative_to(self.home / "artifacts"):  # artifacts of another root are not moved
                moved = integrity.set_aside(
                    artifact.uri, self.home / SET_ASIDE / path.parents[1].name / path.parent.name
                )
        except (OSError, shutil.Error):
            log_failure(_log, f"{artifact.uri} could not be moved")
        if moved is not None:
            artifact.custom_properties[PLACE].string_value = str(moved)
            store.put_artifacts([artifact])
        what = f"{path.parents[1].name}.{path.parent.name}"
        place = f"is set aside in {moved}" if moved else "is no longer used"
        line = f"damaged: {what} ({artifact.uri}): {_said(found)}; it {place}" + (
            " and produced again" if again else ""
        )
        self.lines.append(line)
        self._tell(line)

    def _check(self, uri: str, made: integrity.ArtifactRecord, digests: bool) -> list[IntegrityFinding]:
        if Path(uri).is_relative_to(self.home / "artifacts"):  # records of another root are not changed
            try:
                return integrity.check_and_renew(uri, made, digests=digests)
            except OSError:  # the check below reports it, unless only writing the record failed
                log_failure(_log, f"{uri} could not be compared, or its record not be renewed")
        return integrity.check_artifact(uri, made, digests=digests)

    def _record(self, uri: str) -> None:
        """Makes a record of an artifact's files. A failure is only logged: using the artifact will report it."""
        try:
            integrity.record(uri)
            _log.info("%s had no record; it has one now", uri)
        except OSError:
            log_failure(_log, f"{uri} could not be recorded")


def _said(found: Sequence[IntegrityFinding]) -> str:
    first = found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{first.file} {first.detail}{more}".strip()
