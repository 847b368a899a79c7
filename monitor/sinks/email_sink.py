"""E-mail by SMTP."""

import hashlib
import json
import smtplib
import ssl
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from components.shared.errors import ConfigError
from monitor.sinks.delivery import SinkError
from monitor.sinks.event import Event
from monitor.sinks.secret_values import secret_value
from monitor.sinks.settings import EmailSettings

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class EmailSink:
    """One mail for each event; its Message-ID is derived from the event's key."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def send(self, event: Event) -> None:
        """Sends a mail.

        Raises:
          SinkError: No connection, or the server refuses; permanent for refusals by 5xx codes of sender, recipients or
            content. A refused log-in is tried again, since passwords are replaced.
        """
        settings = self._settings
        port = settings.port or _PORTS[settings.security]
        place = f"SMTP server {settings.host}:{port}"
        try:
            password = secret_value(settings.password).decode(errors="surrogateescape")
            context = ssl.create_default_context()
            client: smtplib.SMTP
            if settings.security == "tls":
                client = smtplib.SMTP_SSL(settings.host, port, timeout=settings.seconds, context=context)
            else:
                client = smtplib.SMTP(settings.host, port, timeout=settings.seconds)
            with client:
                if settings.security == "starttls":
                    client.starttls(context=context)
                if settings.user:
                    client.login(settings.user, password)
                client.send_message(message(event, settings))
        except ConfigError as exc:
            raise SinkError(f"{exc}") from exc
        except smtplib.SMTPAuthenticationError as exc:
            raise SinkError(f"{place}: refuses the log-in ({exc.smtp_code})") from exc
        except smtplib.SMTPRecipientsRefused as exc:
            codes = {code for code, _ in exc.recipients.values()}
            raise SinkError(f"{place}: refuses all recipients", permanent=all(code >= 500 for code in codes)) from exc
        except smtplib.SMTPResponseException as exc:
            raise SinkError(f"{place}: answers {exc.smtp_code}", permanent=exc.smtp_code >= 500) from exc
        except (OSError, smtplib.SMTPException) as exc:
            raise SinkError(f"{place}: cannot be reached ({exc})") from exc


def message(event: Event, settings: EmailSettings) -> EmailMessage:
    """Returns the mail: the title as subject, the causes and alarms as plain text."""
    one = event.incident
    found = EmailMessage()
    found["From"], found["To"] = settings.sender, ", ".join(settings.recipients)
    # A header has one line; titles may hold values of the data.
    found["Subject"] = " ".join(f"[{event.dataset}] {one['level']}, {one['state']}: {one['title']}".split())
    found["Date"] = format_datetime(datetime.now(timezone.utc))
    domain = settings.sender.rpartition("@")[2] or "localhost"
    found["Message-ID"] = f"<{hashlib.sha256(event.key.encode()).hexdigest()[:32]}@{domain}>"
    found["X-Plumbline-Key"] = event.key
    found.set_content(text(one))
    return found


def text(incident: dict[str, Any]) -> str:
    """Returns the body: title, times, causes and alarms."""
    lines = [incident["title"], "", f"Incident {incident['number']}, {incident['state']}, {incident['level']}"]
    lines.append(f"Opened {incident['opened']}" + (f", closed {incident['closed']}" if incident["closed"] else ""))
    if incident["causes"]:
        lines += ["", "Causes, most likely first:"]
    for cause in incident["causes"]:
        parts = [cause["subject"]]
        for word, key in (("at", "at"), ("in", "slice"), ("since", "since"), ("from", "source")):
            if cause[key]:
                parts.append(f"{word} {cause[key]}")
        lines.append("  " + " ".join(parts))
    lines += ["", "Alarms:"]
    for alarm in incident["alarms"]:
        measured = alarm["measurement"]
        where = f" in {measured['slice']}" if measured["slice"] else ""
        lines.append(
            f"  window {alarm['window']}: {measured['kind']} of {measured['subject']}{where}, {measured['measure']} "
            f"{json.dumps(measured['value'])}, {measured['level']}; {measured['detail']}"
        )
    return "\n".join(lines) + "\n"
