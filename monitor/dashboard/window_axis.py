"""Texts of the windows: labels of the axes, heads of tooltips, and the windows in which another version became live."""

from collections.abc import Sequence

from monitor.dashboard.formatting import counted, moment
from monitor.window import Window


def axis_labels(windows: Sequence[Window]) -> list[str]:
    """Start of each window, with the time of day if windows are shorter than a day."""
    if all((window.end - window.start).total_seconds() >= 86_000 for window in windows):
        return [f"{window.start:%-d %b}" for window in windows]
    several = len({window.start.date() for window in windows}) > 2
    return [f"{window.start:%-d %b %H:%M}" if several else f"{window.start:%H:%M}" for window in windows]


def tip_head(window: Window) -> str:
    """Number, time and rows of a window."""
    return f"Window {window.number}, {moment(window.start)}, {counted(window.rows, 'row')}"


def main_version(window: Window) -> int | None:
    """The version that answered most rows; None for a window without rows."""
    return max(window.versions, key=lambda version: window.versions[version]) if window.versions else None


def version_changes(windows: Sequence[Window]) -> list[tuple[int, str]]:
    """(index, "v4") of the windows in which another version than before answered most rows."""
    found, before = [], None
    for place, window in enumerate(windows):
        version = main_version(window)
        if version is not None:
            if before is not None and version != before:
                found.append((place, f"v{version}"))
            before = version
    return found
