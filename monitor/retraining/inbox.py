"""What persons ask for: a retraining, approvals, rejections. Each is a file that exists once, so no lock is needed."""

import json
import os
from datetime import datetime
from pathlib import Path

from components.shared.files import read_json, sync
from monitor.retraining.settings import STEPS, Step

REQUEST = "request.json"


class Inbox:
    """The folder <root>/<dataset>/monitor/retraining."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, number: int) -> Path:
        """Folder of one retraining."""
        return self._folder / str(number)

    def ask(self, by: str, reason: str, now: datetime) -> bool:
        """Asks for a retraining; returns False if one is asked for already."""
        return _create(self._folder / REQUEST, by, reason, now)

    def request(self) -> str | None:
        """Reason of the retraining that a person asks for; None if nobody does."""
        return _said(self._folder / REQUEST)

    def done(self) -> None:
        """Removes the request, once its retraining is in the store."""
        (self._folder / REQUEST).unlink(missing_ok=True)

    def approve(self, number: int, step: Step, by: str, reason: str, now: datetime) -> bool:
        """Approves a step; returns False if it is approved already."""
        return _create(self.of(number) / f"approve-{step}.json", by, reason, now)

    def approvals(self, number: int) -> dict[Step, str]:
        """Approved step -> who approved it, and why."""
        found = {step: _said(self.of(number) / f"approve-{step}.json") for step in STEPS}
        return {step: text for step, text in found.items() if text is not None}

    def reject(self, number: int, by: str, reason: str, now: datetime) -> bool:
        """Rejects a retraining; returns False if it is rejected already."""
        return _create(self.of(number) / "reject.json", by, reason, now)

    def rejection(self, number: int) -> str | None:
        """Who rejected the retraining, and why; None if nobody did."""
        return _said(self.of(number) / "reject.json")


def _create(path: Path, by: str, reason: str, now: datetime) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"by": by, "reason": reason, "time": now.isoformat(timespec="seconds")}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(record, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails if the file exists: the first one counts
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return True


def _said(path: Path) -> str | None:
    try:
        record = read_json(path)
    except FileNotFoundError:
        return None
    return f"{record['by']}{': ' if record['reason'] else ''}{record['reason']}"
