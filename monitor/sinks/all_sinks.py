"""The sinks of the settings."""

from monitor.measurement import Level
from monitor.sinks.delivery import RetryPolicy, Sink
from monitor.sinks.email_sink import EmailSink
from monitor.sinks.event import Event
from monitor.sinks.json_lines import JsonLinesSink
from monitor.sinks.log_sink import LogSink
from monitor.sinks.settings import SinkSettings
from monitor.sinks.webhook import WebhookSink

_ORDER: tuple[Level, ...] = ("negligible", "moderate", "severe")


class FromLevel:
    """A sink that gets incidents from a level on; others count as sent."""

    def __init__(self, sink: Sink, level: Level) -> None:
        self._sink = sink
        self._level = level

    def send(self, event: Event) -> None:
        """Sends the event if its incident has the level."""
        if _ORDER.index(event.incident["level"]) >= _ORDER.index(self._level):
            self._sink.send(event)


def make_sinks(settings: SinkSettings) -> dict[str, Sink]:
    """Returns name -> sink."""
    found: dict[str, Sink] = {}
    if settings.log:
        found["log"] = LogSink()
    if settings.json_lines is not None:
        found["json_lines"] = JsonLinesSink(settings.json_lines)
    for name, webhook in settings.webhooks.items():
        found[f"webhook {name}"] = FromLevel(WebhookSink(webhook), webhook.level)
    if settings.email is not None:
        found["email"] = FromLevel(EmailSink(settings.email), settings.email.level)
    return found


def retry_policy(settings: SinkSettings) -> RetryPolicy:
    """Returns the waiting times."""
    return RetryPolicy(settings.initial_backoff_seconds, settings.max_backoff_seconds, settings.max_retry_hours)
