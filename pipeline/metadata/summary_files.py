"""Reads summary.json of runs, with one policy for one that cannot be used.

A command about one run refuses it with the reason (`summary_of_run`). A command about all runs skips it and counts it
(`summaries`). A run without a summary is under way or was killed, and is neither. `plumbline doctor` repairs summaries.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.errors import UsageError
from components.shared.texts.file_names import checked, is_plain

FILE = "summary.json"

NEEDED: dict[str, type | tuple[type, ...]] = {
    "run_id": str,
    "dataset": str,
    "spans": dict,
    "rows": dict,
    "components": list,
    "metrics": dict,
    "fingerprints": dict,
}
"""Fields without which `runs`, `compare` and the report cannot read a summary, and their types."""


@dataclass(frozen=True)
class SummaryFile:
    """`wrong` is "" for a whole one and "missing" for none; `content` is empty unless it is whole."""

    wrong: str = ""
    content: dict[str, Any] = field(default_factory=dict)


def read_summary(folder: Path, needed: Mapping[str, type | tuple[type, ...]] = NEEDED) -> SummaryFile:
    """The summary in a run's folder, named after the run. `needed` are fields and their types."""
    try:
        text = (folder / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):  # pages on several runs lie beside the runs' folders
        return SummaryFile("missing")
    except OSError as exc:
        return SummaryFile(f"cannot be read ({exc.strerror})")
    if not text.strip():
        return SummaryFile("is empty")
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        return SummaryFile(f"is damaged or cut short ({exc})")
    if not isinstance(found, dict):
        return SummaryFile("is no JSON object")
    lacking = [name for name, kind in needed.items() if not isinstance(found.get(name), kind)]
    if lacking:
        return SummaryFile(f"has no usable {', '.join(lacking)}")
    if found["run_id"] != folder.name:
        return SummaryFile(f"is not the summary of run {folder.name}")
    return SummaryFile(content=found)


def summary_of_run(home: Path, run_id: str, *, unfinished: bool = False) -> dict[str, Any]:
    """The summary of one run.

    Args:
      home: <root>/<dataset>.
      run_id: Its full id.
      unfinished: Return an empty summary for a run without one, instead of refusing it.

    Raises:
      UsageError: There is no such run, it has no summary, or the summary cannot be used; with the reason.
    """
    folder = home / "reports" / checked(run_id, "run")
    found = read_summary(folder)
    if found.wrong == "missing" and unfinished:
        return {}
    if found.wrong == "missing":
        raise UsageError(f"{folder / FILE}: no such run, or it ended without a summary; `plumbline runs` lists them")
    if found.wrong:
        raise UsageError(f"{folder / FILE}: {found.wrong}; run `plumbline doctor`")
    return found.content


@dataclass(frozen=True)
class Summaries:
    """Summaries of a dataset's runs, the oldest first; `skipped` are runs whose summary cannot be used -> why."""

    found: tuple[dict[str, Any], ...]
    skipped: Mapping[str, str]


def summaries(
    home: Path, until: str | None = None, needed: Mapping[str, type | tuple[type, ...]] = NEEDED
) -> Summaries:
    """All summaries of a dataset.

    Args:
      home: <root>/<dataset>.
      until: Only this run and earlier ones; None is all. A run id begins with its time.
      needed: Fields without which a summary cannot be used, and their types.
    """
    reports = home / "reports"
    names = sorted(path.name for path in reports.iterdir() if path.is_dir()) if reports.is_dir() else []
    found, skipped = [], {}
    for name in names:
        if not is_plain(name) or (until is not None and name > until):
            continue
        one = read_summary(reports / name, needed)
        if one.content:
            found.append(one.content)
        elif one.wrong != "missing":
            skipped[name] = one.wrong
    return Summaries(tuple(found), skipped)
