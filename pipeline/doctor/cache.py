"""Checks a dataset's cache: pinned schemas, scans of the data, records of earlier executions."""

import hashlib
import json
from pathlib import Path

from pipeline.doctor.finding import CheckResult, DatasetPaths, DoctorFinding, Repair, checked, line
from pipeline.doctor.set_aside import SetAside

DO = "--repair sets it aside; the next run creates it again"


def check_cache(place: DatasetPaths) -> CheckResult:
    """Checks that each cached file can be read, and that each pinned schema has the digest in its folder's name."""
    folder = place.home / "cache"
    findings, count = [], 0
    for file in sorted(folder.rglob("*.json")) if folder.is_dir() else []:
        count += 1
        if file.name.startswith("."):
            continue
        try:
            json.loads(file.read_bytes().decode("utf-8"))
        except (OSError, ValueError, RecursionError) as exc:
            what = f"cannot be read ({line(exc, 120)}), so the cache does not use it"
            findings.append(DoctorFinding("warning", str(file), what, DO, _mover(file)))
    for pinned in sorted(folder.glob("schema-*/schema.pbtxt")):
        count += 1
        try:
            text = pinned.read_bytes().decode("utf-8")
            same = hashlib.sha256(text.encode()).hexdigest()[:16] == pinned.parent.name.removeprefix("schema-")
        except (OSError, UnicodeDecodeError):
            same = False
        if not same:
            what = "was changed after it was copied here: runs would validate the data against another schema"
            findings.append(DoctorFinding("error", str(pinned), what, DO, _mover(pinned)))
    return checked("cache", place.dataset, f"{count} files" if count else "none yet", findings)


def _mover(file: Path) -> Repair:
    def repair(aside: SetAside) -> str:
        return f"{file}: set aside as {aside.move(file)}"

    return repair
