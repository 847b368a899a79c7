"""Reads summary.json of runs, with one policy for unusable files.

A command on one run raises an error with the reason (`summary_of_run`). A command on all runs skips unusable summaries
and counts them (`summaries`). A run without a summary is active or was killed; it is skipped and not counted.
`plumbline doctor` repairs summaries.
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
"""Fields that `runs`, `compare` and the report require, and their types."""


@dataclass(frozen=True)
class SummaryFile:
    """A summary or the reason why it cannot be used.

    Attributes:
      wrong: "" for a usable summary, "missing" if there is no file, else the reason.
      content: The parsed JSON; empty unless the summary is usable.
    """

    wrong: str = ""
    content: dict[str, Any] = field(default_factory=dict)


def read_summary(folder: Path, needed: Mapping[str, type | tuple[type, ...]] = NEEDED) -> SummaryFile:
    """Reads the summary in a run's folder.

    Args:
      folder: The run's folder; its name is the run id.
      needed: Required fields and their types.
    """
    try:
        text = (folder / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):  # reports on several runs are files beside the runs' folders
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
    """Reads the summary of one run.

    Args:
      home: <root>/<dataset>.
      run_id: The full run id.
      unfinished: Return an empty summary for a run without one, instead of refusing it.

    Raises:
      UsageError: There is no such run, it has no summary, or the summary cannot be used.
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
    """Summaries of a dataset's runs.

    Attributes:
      usable: The usable summaries, oldest first.
      skipped: Run id of each unusable summary -> the reason.
    """

    usable: tuple[dict[str, Any], ...]
    skipped: Mapping[str, str]


def summaries(
    home: Path, until: str | None = None, needed: Mapping[str, type | tuple[type, ...]] = NEEDED
) -> Summaries:
    """Reads all summaries of a dataset.

    Args:
      home: <root>/<dataset>.
      until: Newest run id to include, compared as text, since run ids begin with the time; None is all.
      needed: Required fields and their types.
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
