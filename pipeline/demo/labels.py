"""Labels that become known with event time, imported by `plumbline feedback`."""

from datetime import datetime
from pathlib import Path

import pandas as pd

from data.flights import LABEL


class KnownLabels:
    """Labels of requested flights that are not imported yet.

    Args of the constructor:
      folder: Folder of the files that are imported.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[pd.DataFrame] = []
        self._files = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Adds requested flights, see `requests.Asked.rows`. Flights that did not arrive never get a label."""
        self._waiting.append(rows[rows["known"].notna()])

    def file(self, until: datetime) -> tuple[Path, pd.DataFrame] | None:
        """Writes the labels that are known at a time, each once; returns the file and its rows, or None."""
        waiting = pd.concat(self._waiting) if self._waiting else None
        if waiting is None:
            return None
        known = waiting[waiting["known"] <= until]
        self._waiting = [waiting[waiting["known"] > until]]
        if known.empty:
            return None
        self._files += 1
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"labels-{self._files:03d}.csv"
        times = known["known"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        known[["request_id", "row", LABEL]].assign(label_time=times).to_csv(path, index=False)
        return path, known
