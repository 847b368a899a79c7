"""Each event as one line of the process's log."""

import logging

from monitor.sinks.event import Event

_LOG = logging.getLogger("plumbline.monitor")
_LEVELS = {"severe": logging.ERROR, "moderate": logging.WARNING}


class LogSink:
    """The logger `plumbline.monitor`: severe incidents as errors, moderate ones as warnings, closed ones as info."""

    def send(self, event: Event) -> None:
        """Logs a line."""
        one = event.incident
        level = logging.INFO if one["state"] == "closed" else _LEVELS.get(one["level"], logging.INFO)
        _LOG.log(
            level, "%s: incident %d %s (%s): %s", event.dataset, one["number"], one["state"], one["level"], one["title"]
        )
