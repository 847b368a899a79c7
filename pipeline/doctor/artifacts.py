"""Checks artifacts: each live artifact of the metadata exists undamaged, and each folder is in the metadata."""

import os
import re
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from components.shared.artifacts.integrity import check_artifact, check_content, load_record, record_file
from pipeline.doctor.artifact_folders import artifact_folders
from pipeline.doctor.finding import CheckResult, DatasetPaths, DoctorFinding, DoctorOptions, checked, line
from pipeline.doctor.metadata import CheckedStore
from pipeline.doctor.set_aside import SetAside
from pipeline.doctor.store_records import DELETED, LIVE, ArtifactRow

_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.[a-z]+)?")


def check_artifacts(place: DatasetPaths, store: CheckedStore, options: DoctorOptions) -> CheckResult:
    """Compares a dataset's artifacts with its metadata store.

    Args:
      place: The dataset's folder.
      store: Records of the metadata store.
      options: How thoroughly files are compared.
    """
    there = list(artifact_folders(place.home))
    records = store.records
    if records is None:
        about = f"{len(there)} folders; not compared, the metadata cannot be read" if there else "none yet"
        return checked("artifacts", place.dataset, about, [])
    below = place.home / "artifacts"
    live = [one for one in records.artifacts if one.state == LIVE and one.uri and "://" not in one.uri]
    own = [one for one in live if Path(os.path.normpath(one.uri)).is_relative_to(below)]
    findings = _elsewhere(place, store, live, own)
    gone = [one for one in own if not Path(one.uri).exists()]
    if gone:
        findings.append(_gone(place, store, gone))
    present = [one for one in own if Path(one.uri).exists()]
    damaged, unverified = [], 0
    if not options.quick:
        for one in present:
            wrong, proven = _wrong(one, options)
            unverified += not proven
            if wrong:
                damaged.append((one, wrong))
    findings += [_damaged(store, one, wrong) for one, wrong in damaged]
    known = {os.path.normpath(one.uri) for one in records.artifacts}
    known |= {str(_here(place, one.uri)) for one in records.artifacts}  # the same path in a copied root
    if not place.busy:
        findings += _unknown(place, [folder for folder in there if str(folder) not in known])
    if unverified:
        what = f"{unverified} artifacts have no record of their files: only their existence was checked"
        findings.append(
            DoctorFinding("info", str(below), what, "nothing: an earlier release or a killed run wrote them")
        )
    how = "names only" if options.quick else "digests" if options.digests else "sizes and times"
    return checked("artifacts", place.dataset, f"{len(present)} checked by {how}", findings)


def _wrong(one: ArtifactRow, options: DoctorOptions) -> tuple[list[str], bool]:
    """Differences of an artifact's files from its record, and whether it has a record."""
    if (made := load_record(one.uri)) is not None:
        found = check_artifact(one.uri, made, digests=options.digests)
        return [f"{finding.file} {finding.detail}".strip() for finding in found], True
    if one.content and options.digests:
        return [f"{finding.file} {finding.detail}".strip() for finding in check_content(one.uri, one.content)], True
    return list(_shards(Path(one.uri))), bool(one.content)


def _shards(folder: Path) -> Iterable[str]:
    """Missing files in numbered series, such as TFRecord shards."""
    try:
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    except OSError as exc:
        yield f"cannot be read ({line(exc)})"
        return
    series: dict[tuple[str, str, int], set[int]] = {}
    for name in names:
        if match := _SHARD.fullmatch(name):
            series.setdefault((match[1], match[4] or "", int(match[3])), set()).add(int(match[2]))
    for (stem, suffix, count), numbers in sorted(series.items()):
        for number in sorted(set(range(count)) - numbers):
            yield f"{stem}-{number:05d}-of-{count:05d}{suffix} is missing"


def _damaged(store: CheckedStore, one: ArtifactRow, wrong: list[str]) -> DoctorFinding:
    more = f", and {len(wrong) - 1} more files" if len(wrong) > 1 else ""
    do = "--repair sets it aside; the next run makes it again"
    if store.file is None:
        return DoctorFinding("error", one.uri, f"{wrong[0]}{more}", "delete the folder; the next run makes it again")
    file = store.file
    return DoctorFinding("error", one.uri, f"{wrong[0]}{more}", do, lambda aside: _set_aside(file, one, aside))


def _set_aside(file: Path, one: ArtifactRow, aside: SetAside) -> str:
    _mark_deleted(file, [one.id], aside)  # first, so that the cache no longer uses it
    moved = aside.move(Path(one.uri))
    if record_file(one.uri).exists():
        aside.move(record_file(one.uri))
    return f"{one.uri}: set aside as {moved}"


def _gone(place: DatasetPaths, store: CheckedStore, gone: list[ArtifactRow]) -> DoctorFinding:
    shown = ", ".join(os.path.relpath(one.uri, place.home) for one in gone[:3])
    more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
    what = f"the folders of {len(gone)} artifacts of the metadata do not exist: {shown}{more}"
    where = str(place.home / "artifacts")
    if store.file is None:
        return DoctorFinding("warning", where, what, "nothing: the next run that needs them makes them again")
    file, ids = store.file, [one.id for one in gone]
    do = "--repair marks them as deleted; the next run that needs them makes them again"

    def repair(aside: SetAside) -> str:
        _mark_deleted(file, ids, aside)
        return f"{file}: {len(ids)} artifacts marked as deleted"

    return DoctorFinding("warning", where, what, do, repair)


def _mark_deleted(file: Path, ids: list[int], aside: SetAside) -> None:
    aside.copy_database(file)
    with closing(sqlite3.connect(file, timeout=10)) as db, db:
        db.executemany(
            "UPDATE Artifact SET state = ?, last_update_time_since_epoch = ? WHERE id = ?",
            [(DELETED, int(time.time() * 1000), id_) for id_ in ids],
        )


def _unknown(place: DatasetPaths, folders: list[Path]) -> list[DoctorFinding]:
    if not folders:
        return []
    shown = ", ".join(str(folder.relative_to(place.home)) for folder in folders[:3])
    more = f" and {len(folders) - 3} more" if len(folders) > 3 else ""
    what = f"{len(folders)} folders are not in the metadata: {shown}{more}"
    do = "--repair sets them aside: killed runs left them, or their metadata was lost"

    def repair(aside: SetAside) -> str:
        for folder in folders:
            aside.move(folder)
            if record_file(str(folder)).exists():
                aside.move(record_file(str(folder)))
        return f"{place.home / 'artifacts'}: {len(folders)} folders that the metadata do not know set aside"

    return [DoctorFinding("warning", str(place.home / "artifacts"), what, do, repair)]


def _elsewhere(
    place: DatasetPaths, store: CheckedStore, live: list[ArtifactRow], own: list[ArtifactRow]
) -> list[DoctorFinding]:
    """Artifacts of another root: of a copied or moved one."""
    ids = {one.id for one in own}
    others = [one for one in live if one.id not in ids and f"/{place.dataset}/artifacts/" in one.uri]
    if not others or store.file is None:
        return []
    root = others[0].uri.partition(f"/{place.dataset}/artifacts/")[0]
    what = (
        f"{len(others)} artifacts lie below {root}: this root was copied or moved, "
        f"{'and its runs would read those' if Path(root).exists() else 'and they no longer exist'}"
    )
    file = store.file
    do = f"move it back to {root}, or --repair changes the paths to this root's"

    def repair(aside: SetAside) -> str:
        return _point_here(place, file, others, aside)

    return [DoctorFinding("error", str(file), what, do, repair)]


def _point_here(place: DatasetPaths, file: Path, others: list[ArtifactRow], aside: SetAside) -> str:
    moved, gone = [], []
    for one in others:
        here = _here(place, one.uri)
        if here.exists():
            moved.append((str(here), int(time.time() * 1000), one.id))
        else:
            gone.append(one.id)
    aside.copy_database(file)
    with closing(sqlite3.connect(file, timeout=10)) as db, db:
        db.executemany("UPDATE Artifact SET uri = ?, last_update_time_since_epoch = ? WHERE id = ?", moved)
    if gone:
        _mark_deleted(file, gone, aside)
    missing = f"; {len(gone)} missing ones marked as deleted" if gone else ""
    return f"{file}: the paths of {len(moved)} artifacts changed to this root{missing}"


def _here(place: DatasetPaths, uri: str) -> Path:
    """The path in this root that corresponds to an artifact of another root."""
    return place.home / "artifacts" / uri.partition(f"/{place.dataset}/artifacts/")[2]
