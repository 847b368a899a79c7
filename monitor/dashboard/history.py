"""What the dashboard shows of one dataset: read from the monitor's store, the registry and the journal of versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.registry.aliases import Aliases
from components.registry.registry import Registry
from components.shared.errors import PlumblineError
from monitor.incident import Incident
from monitor.measurement import Measurement
from monitor.store import FILE, MonitorStore
from monitor.window import Window
from serving.canary.journal import FILE as JOURNAL
from serving.canary.journal import Journal

REPORTS = "reports"
"""Folder of the reports of runs, below the dataset's."""
MAX_MEASUREMENTS = 50_000
"""Measurements that are read; of more, those of fewer windows. Each takes about 25 µs of CPU."""


@dataclass(frozen=True)
class Place:
    """Where the records of a dataset are.

    Attributes:
      name: Name of the dataset.
      home: <root>/<dataset>.
      registry: Folder or URL of the registry.
    """

    name: str
    home: Path
    registry: str


@dataclass(frozen=True)
class Opening:
    """The effect from which a stream opens an alarm, which adapts to its history; see monitor.alarms.

    Attributes:
      threshold: The effect.
      why: How it follows from settings and history.
      alarmed: Whether the stream is in alarm.
    """

    threshold: float
    why: str
    alarmed: bool


@dataclass(frozen=True)
class History:
    """Records of one dataset, at one time.

    Attributes:
      dataset: Name of the dataset.
      home: <root>/<dataset>.
      windows: The last windows, in the order of time.
      measurements: (index in `windows`, measurement), by window.
      openings: Stream -> its threshold for alarms in the newest window.
      incidents: All incidents, oldest first.
      retrainings: Records of retrainings, oldest first; see monitor.retraining.record.
      aliases: The registry's aliases; None if it has none or cannot be read.
      journal: Lines of the journal of versions, oldest first.
      looked: Time of the last look of the monitor; None if there was none.
      problems: What could not be read, a line each.
      now: Time of reading.
    """

    dataset: str
    home: Path
    windows: Sequence[Window] = ()
    measurements: Sequence[tuple[int, Measurement]] = ()
    openings: Mapping[str, Opening] = field(default_factory=dict)
    incidents: Sequence[Incident] = ()
    retrainings: Sequence[dict[str, Any]] = ()
    aliases: Aliases | None = None
    journal: Sequence[dict[str, Any]] = ()
    looked: datetime | None = None
    problems: Sequence[str] = ()
    now: datetime = datetime.max

    @property
    def last(self) -> list[Measurement]:
        """Measurements of the newest window."""
        newest = len(self.windows) - 1
        return [one for place, one in self.measurements if place == newest]


def read_history(place: Place, windows: int) -> History:
    """Reads the records; what cannot be read is a line in `problems`.

    Args:
      place: The dataset.
      windows: Number of windows, from the newest backwards.
    """
    problems: list[str] = []
    found: dict[str, Any] = {}
    folder = place.home / "monitor"
    try:
        found["looked"] = _modified(folder)
        if found["looked"] is not None:
            found |= _monitored(folder, windows)
            if each := found.pop("cut"):
                shown = len(found["windows"])
                problems.append(f"Each window has {each:,} measurements; the last {shown:,} windows are shown.")
    except (PlumblineError, OSError, ValueError, TypeError, KeyError) as exc:
        problems.append(f"{folder}: cannot be read ({exc})" if not isinstance(exc, PlumblineError) else str(exc))
    try:
        found["aliases"] = Registry(place.registry).labels()
    except (PlumblineError, OSError) as exc:
        problems.append(str(exc))
    try:
        found["journal"] = Journal(place.home / "canary").lines()
    except OSError as exc:
        problems.append(str(exc))
    return History(place.name, place.home, problems=problems, now=datetime.now(timezone.utc), **found)


def stamp(place: Place) -> tuple[Any, ...]:
    """What differs once a record of a dataset has changed: times and sizes of the files, and the registry's aliases."""
    files = [place.home / "monitor" / name for name in (FILE, f"{FILE}-wal")]
    files += [place.home / "canary" / JOURNAL, place.home / REPORTS]
    found: list[Any] = []
    for path in files:
        try:
            status = path.stat()
            found.append((status.st_mtime_ns, status.st_size))
        except OSError:
            found.append(None)
    try:
        found.append(Registry(place.registry).labels())
    except (PlumblineError, OSError) as exc:
        found.append(str(exc))
    return tuple(found)


def _monitored(folder: Path, windows: int) -> dict[str, Any]:
    with MonitorStore(folder, read_only=True) as store:
        found = store.windows(last=windows)
        each = len(store.measurements(number=found[-1].number)) if found else 0
        most = max(1, MAX_MEASUREMENTS // max(1, each))
        cut = each if len(found) > most else 0
        found = found[-most:]
        places = {window.number: place for place, window in enumerate(found)}
        measured = store.measurements(since=found[0].number) if found else []
        return {
            "cut": cut,
            "windows": found,
            # A window that was added since they were read is left to the next reading.
            "measurements": [(places[number], one) for number, one in measured if number in places],
            "openings": _openings(store.state("alarms")),
            "incidents": store.incidents(),
            "retrainings": store.retrainings(),
        }


def _openings(state: Any) -> dict[str, Opening]:
    streams = state.get("streams", {}) if isinstance(state, dict) else {}
    return {
        name: Opening(float(one["threshold"]), str(one.get("why", "")), bool(one.get("alarmed")))
        for name, one in streams.items()
        if one.get("threshold")
    }


def _modified(folder: Path) -> datetime | None:
    """Time of the store's last write; None without a store."""
    times = [path.stat().st_mtime for path in (folder / FILE, folder / f"{FILE}-wal") if path.exists()]
    return datetime.fromtimestamp(max(times), timezone.utc) if times else None
