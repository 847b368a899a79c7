"""Resolves the name of a run as given to report, compare and export.

last                 the newest run with a summary
live, champion       the run that pushed the live version; canary, challenger: the canary
7, v7                the run that pushed version 7
span-4               the newest run that evaluated on span 4
20261121T090631Z     an id, or a unique prefix of it
a531                 the random part after the dash, or a unique prefix of it
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from components.shared.errors import UsageError
from components.shared.texts.file_names import checked
from pipeline.metadata.summary_files import FILE, summaries

if TYPE_CHECKING:
    from components.registry.registry import Registry

VERSIONS = {"live": "live", "champion": "live", "canary": "canary", "challenger": "canary"}
"""Name of a version -> alias in the registry."""
LEGAL = "last, champion, a version, span-4, or the beginning of an id"


def run_named(home: Path, wanted: str, registry: "Registry | None" = None) -> str:
    """Returns the id of the named run.

    Args:
      home: <root>/<dataset>.
      wanted: Name of a run, see the module's docstring.
      registry: Registry of the dataset; without it a run cannot be named by its version.

    Raises:
      UsageError: The run or version does not exist, or a prefix is ambiguous.
    """
    reports = home / "reports"
    ids = sorted(path.parent.name for path in reports.glob(f"*/{FILE}"))
    if wanted in ids:
        return wanted
    if wanted == "last":
        if not ids:
            raise UsageError(f"{home}: no run yet that has ended; plumbline run makes one")
        return ids[-1]
    if registry is not None and (version := _version(wanted, registry)) is not None:
        run_id = checked(str(registry.manifest(version)["run_id"]), f"{registry.where}: run")
        if run_id not in ids:
            raise UsageError(f"version {version}: {reports} has no summary of the run that pushed it, {run_id}")
        return run_id
    if span := re.fullmatch(r"span[-=]?(\d+)", wanted):
        return _of_span(home, int(span[1]))
    found = [run_id for run_id in ids if wanted and any(part.startswith(wanted) for part in (run_id, _suffix(run_id)))]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"run {wanted}: is ambiguous, {len(found)} runs in {reports} begin so, such as {found[0]} and {found[-1]}; "
            "give more of the id"
        )
    raise UsageError(f"run {wanted}: no such run in {reports}; legal: {LEGAL}; `plumbline runs` lists all")


def _version(wanted: str, registry: "Registry") -> int | None:
    """The named version, or None; a number counts as a version only if that version exists."""
    if wanted in VERSIONS:
        return registry.version_named(VERSIONS[wanted])
    if number := re.fullmatch(r"v(\d+)", wanted):
        return registry.version_named(number[1])
    if wanted.isascii() and wanted.isdigit() and int(wanted) in registry.versions():
        return int(wanted)
    return None


def _of_span(home: Path, span: int) -> str:
    found = [one["run_id"] for one in summaries(home).usable if one["spans"].get("eval") == [span]]
    if not found:
        raise UsageError(f"span {span}: no run in {home / 'reports'} evaluated on it; `plumbline runs` lists all")
    return str(found[-1])


def _suffix(run_id: str) -> str:
    return run_id.partition("-")[2]
