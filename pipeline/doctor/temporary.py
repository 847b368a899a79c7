"""Finds temporary files of killed processes, in the root and in the system's temporary folder."""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.finding import CheckResult, DatasetPaths, DoctorFinding, checked, size_text
from pipeline.doctor.set_aside import PREFIX, SetAside
from pipeline.metadata.artifact_verification import SET_ASIDE
from pipeline.metadata.backups import FOLDER as BACKUP
from pipeline.process.temporary_files import NAME, leftovers

OLD = 24 * 3600.0
"""Age in seconds from which a file in the system's temporary folder counts as a leftover."""
SYSTEM = ("beam-pipeline-temp*", "__autograph_generated_file*")

_HALF_WRITTEN = re.compile(r"\..+\.([a-z0-9_]{8}(\.tmp)?|sqlite\.partial)")
"""Names of the partial files that components.shared.files writes before it renames them."""


def check_temporary(place: DatasetPaths) -> CheckResult:
    """Checks a dataset's folder for temporary files; skipped during a run, which has temporary files itself."""
    if place.busy:
        return checked("temporary", place.dataset, f"not checked: a run is active ({place.busy})", [])
    left = list(_left(place.home))
    findings = []
    if left:
        shown = ", ".join(str(path.relative_to(place.home)) for path in left[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        what = f"{len(left)} temporary files of killed runs, {size_text(sum(map(_bytes, left)))}: {shown}{more}"

        def repair(aside: SetAside) -> str:
            for path in left:
                if path.exists():
                    aside.move(path)
            return f"{place.home}: {len(left)} temporary files set aside"

        findings.append(DoctorFinding("warning", str(place.home), what, "--repair sets them aside", repair))
    scratch = leftovers(place.home / NAME)
    if scratch:
        what = f"{len(scratch)} folders of killed runs, {size_text(sum(map(_bytes, scratch)))}"
        findings.append(DoctorFinding("info", str(place.home / NAME), what, "nothing: the next run removes them"))
    kept = [*sorted((place.home / BACKUP).glob(f"{PREFIX}*")), *sorted((place.home / SET_ASIDE).glob("*"))]
    if kept:
        what = f"repairs and runs set {size_text(sum(map(_bytes, kept)))} aside: {', '.join(_parents(kept))}"
        findings.append(DoctorFinding("info", str(place.home), what, "delete them when they are no longer needed"))
    return checked("temporary", place.dataset, f"{len(left)} left", findings)


def check_system_temporary() -> CheckResult:
    """Checks the system's temporary folder for files of this user's earlier runs. They are reported, never deleted."""
    folder = Path(tempfile.gettempdir())
    left = [path for pattern in SYSTEM for path in folder.glob(pattern) if _is_old_and_ours(path)]
    left += leftovers(folder)
    findings = []
    if left:
        what = f"{len(left)} files of earlier runs, {size_text(sum(map(_bytes, left)))}, such as {left[0].name}"
        findings.append(
            DoctorFinding("info", str(folder), what, "delete them, if no other program of yours is using them")
        )
    return checked("temporary", "", str(folder), findings)


def _left(home: Path) -> Iterator[Path]:
    for folder in (home, home / "cache", home / "cache" / "runs", home / "backups", *sorted(home.glob("reports/*"))):
        if folder.is_dir():
            yield from (one for one in sorted(folder.iterdir()) if _HALF_WRITTEN.fullmatch(one.name) and one.is_file())
    for pattern in ("*/.system/executor_execution/*/.temp", "*/.system/stateful_working_dir/*", ".trash/*"):
        yield from sorted((home / "artifacts").glob(pattern))


def _parents(kept: list[Path]) -> list[str]:
    return sorted({f"{path.parent.name}/{path.name}" for path in kept if path.parent.name == BACKUP}) + sorted(
        {path.parent.name for path in kept if path.parent.name == SET_ASIDE}
    )


def _is_old_and_ours(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and time.time() - found.st_mtime > OLD


def _bytes(path: Path) -> int:
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())
    except OSError:
        return 0
