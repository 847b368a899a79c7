"""Settings of the sinks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from monitor.measurement import Level

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class Secret:
    """A secret by the name of a file or of an environment variable; neither means there is none.

    Attributes:
      key: Setting that it belongs to, for messages.
      file: Path of the file.
      variable: Name of the variable.
    """

    key: str
    file: str = ""
    variable: str = ""

    def __bool__(self) -> bool:
        return bool(self.file or self.variable)


@dataclass(frozen=True)
class WebhookSettings:
    """One webhook.

    Attributes:
      url: http or https.
      secret: Key of the signature.
      level: Lowest level of an incident that is sent.
      seconds: Time limit of a request.
    """

    url: str
    secret: Secret
    level: Level = "moderate"
    seconds: float = 10.0


@dataclass(frozen=True)
class EmailSettings:
    """E-mail by SMTP.

    Attributes:
      host: Server.
      sender: Address of the sender.
      recipients: Addresses.
      port: 0 is the usual one of `security`: 587, 465 or 25.
      security: STARTTLS, TLS from the start, or none.
      user: "" does not log in.
      password: Password of the user.
      level: Lowest level of an incident that is sent.
      seconds: Time limit of the conversation.
    """

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 0
    security: Security = "starttls"
    user: str = ""
    password: Secret = Secret("password")
    level: Level = "moderate"
    seconds: float = 30.0


@dataclass(frozen=True)
class SinkSettings:
    """Where incidents are sent.

    Attributes:
      log: Whether each event is a line of the process's log.
      json_lines: File to which each event is appended as a line of JSON.
      prometheus: File of gauges for node_exporter's textfile collector; written after each window.
      webhooks: Name -> webhook.
      email: E-mail.
      initial_backoff_seconds: Time until the second attempt of an event; doubled for each further one.
      max_backoff_seconds: Longest time between two attempts.
      max_retry_hours: Time after which an event is given up.
    """

    log: bool = True
    json_lines: Path | None = None
    prometheus: Path | None = None
    webhooks: Mapping[str, WebhookSettings] = field(default_factory=dict)
    email: EmailSettings | None = None
    initial_backoff_seconds: float = 10.0
    max_backoff_seconds: float = 3600.0
    max_retry_hours: float = 72.0
