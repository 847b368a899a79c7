"""A run's summary.json as it lies there: whole, missing or unreadable."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


def read_summary(folder: Path) -> SummaryFile:
    """The summary in a run's folder."""
    try:
        text = (folder / "summary.json").read_bytes()
    except FileNotFoundError:
        return SummaryFile("missing")
    except OSError as exc:
        return SummaryFile(f"cannot be read ({exc.strerror})")
    if not text.strip():
        return SummaryFile("is empty")
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        return SummaryFile(f"is no whole JSON ({exc})")
    if not isinstance(found, dict):
        return SummaryFile("is no JSON object")
    lacking = [name for name, kind in NEEDED.items() if not isinstance(found.get(name), kind)]
    if lacking:
        return SummaryFile(f"has no usable {', '.join(lacking)}")
    if found["run_id"] != folder.name:
        return SummaryFile(f"is of another run, {found['run_id']}")
    return SummaryFile(content=found)
