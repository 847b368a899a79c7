"""Webhooks: a signed POST of each event.

The body is the event as JSON. Headers:

    Idempotency-Key        the event's key: the same if the event comes again
    X-Plumbline-Timestamp  seconds since 1970 at which it was sent
    X-Plumbline-Signature  v1=<hex>, HMAC-SHA256 with the secret of "<timestamp>.<body>"

A receiver computes the signature of timestamp and body, compares it in constant time, and refuses timestamps that are
more than a few minutes old, which prevents a replay.
"""

import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from components.shared.errors import ConfigError
from monitor.sinks.delivery import SinkError
from monitor.sinks.event import Event
from monitor.sinks.secret_values import secret_value
from monitor.sinks.settings import WebhookSettings

_AGAIN = frozenset({408, 425, 429})
"""Statuses below 500 that mean "later"; the others mean that the same request will not be taken."""
_LONGEST_WAIT = 3600.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed request is for the address of the settings alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


class WebhookSink:
    """Sends events to one address; any answer of 200 to 299 takes the event."""

    def __init__(self, settings: WebhookSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, event: Event) -> None:
        """Sends an event.

        Raises:
          SinkError: No connection, or an answer that does not take the event; permanent for statuses 300 to 499 except
            408, 425 and 429.
        """
        body = json.dumps(event.to_json(), ensure_ascii=False).encode()
        try:
            key = secret_value(self._settings.secret)
        except ConfigError as exc:
            raise SinkError(f"{exc}") from exc
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": event.key,
            "User-Agent": "plumbline-monitor",
            "X-Plumbline-Timestamp": timestamp,
        }
        if key:
            headers["X-Plumbline-Signature"] = signature(key, timestamp, body)
        # The settings accept http and https only.
        request = urllib.request.Request(self._settings.url, body, headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=self._settings.seconds):
                return
        except urllib.error.HTTPError as exc:
            with exc:
                permanent = exc.code < 500 and exc.code not in _AGAIN
                after = _seconds(exc.headers.get("Retry-After"))
            raise SinkError(f"answers {exc.code}", permanent=permanent, after=after) from exc
        except (OSError, http.client.HTTPException) as exc:
            reason = getattr(exc, "reason", exc)
            raise SinkError(f"cannot be reached ({reason})") from exc


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """Returns the value of X-Plumbline-Signature."""
    return "v1=" + hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _seconds(text: str | None) -> float:
    """Retry-After in seconds, at most an hour; 0 for a date or none."""
    return min(_LONGEST_WAIT, float(text)) if text and text.isdigit() else 0.0
