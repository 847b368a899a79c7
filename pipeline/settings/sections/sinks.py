"""The table [sinks]: where the monitor sends incidents."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.sinks.settings import EmailSettings, Secret, Security, SinkSettings, WebhookSettings
from pipeline.settings.sections.section import ConfigSection, Names

_DEFAULT = SinkSettings()
Variable = Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]
SentLevel = Literal["moderate", "severe"]


class WebhookSection(ConfigSection):
    """A webhook: each event as a POST of JSON, signed with HMAC-SHA256."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")]
    """Address, http or https."""
    secret_file: str = ""
    """File with the key of the signature."""
    secret_variable: Variable = ""
    """Environment variable with the key of the signature, instead of a file. Without either, events are not signed."""
    level: SentLevel = "moderate"
    """Lowest level of an incident that is sent."""
    seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """Time limit of a request."""

    @model_validator(mode="after")
    def _one_secret(self) -> "WebhookSection":
        if self.secret_file and self.secret_variable:
            raise ValueError("secret_file and secret_variable: only one of the two can be the key; take one out")
        return self

    def settings(self) -> WebhookSettings:
        """The settings as the sink takes them."""
        secret = Secret("secret", self.secret_file, self.secret_variable)
        return WebhookSettings(self.url, secret, self.level, self.seconds)


class EmailSection(ConfigSection):
    """E-mail by SMTP; `host` switches it on."""

    host: str = ""
    """SMTP server; empty sends no e-mail."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port; 0 is 587 for `starttls`, 465 for `tls`, 25 for `none`."""
    security: Security = "starttls"
    """Encryption of the connection. `none` is for a relay on the same machine."""
    sender: str = ""
    """Address of the sender."""
    recipients: Names = ()
    """Addresses."""
    user: str = ""
    """User name; empty does not log in."""
    password_file: str = ""
    """File with the password."""
    password_variable: Variable = ""
    """Environment variable with the password, instead of a file."""
    level: SentLevel = "moderate"
    """Lowest level of an incident that is sent."""

    @model_validator(mode="after")
    def _is_complete(self) -> "EmailSection":
        if self.host and not (self.sender and self.recipients):
            raise ValueError("host: needs sender and recipients")
        if not self.host and (self.sender or self.recipients or self.user):
            raise ValueError("host: missing; name the SMTP server, or take the other keys out")
        secrets = [value for value in (self.password_file, self.password_variable) if value]
        if self.user and len(secrets) != 1:
            raise ValueError("user: needs a password; set either password_file or password_variable")
        if self.user and self.security == "none":
            raise ValueError("security: none would send the password in clear text; use starttls or tls")
        for address in (self.sender, *self.recipients):
            if address and ("@" not in address or any(sign in address for sign in " \r\n,")):
                raise ValueError(f"{address!r} is no e-mail address")
        return self

    def settings(self) -> EmailSettings | None:
        """The settings as the sink takes them; None if there is no e-mail."""
        if not self.host:
            return None
        password = Secret("password", self.password_file, self.password_variable)
        fields = self.model_dump(include={"host", "sender", "recipients", "port", "security", "user", "level"})
        return EmailSettings(**fields, password=password)


class SinksSection(ConfigSection):
    """Where `plumbline monitor` sends incidents; see docs/monitoring.md. Events wait on disk until they are taken."""

    log: bool = _DEFAULT.log
    """Whether each event is a line on stderr."""
    json_lines: str = ""
    """File to which each event is appended as one line of JSON; empty is none."""
    prometheus: str = ""
    """File of gauges (*.prom) in the folder of node_exporter's textfile collector; empty is none."""
    initial_backoff_seconds: Annotated[float, Field(gt=0)] = _DEFAULT.initial_backoff_seconds
    """Time in seconds until the second attempt of an event that was not taken; doubled for each further attempt."""
    max_backoff_seconds: Annotated[float, Field(gt=0)] = _DEFAULT.max_backoff_seconds
    """Longest time in seconds between two attempts."""
    max_retry_hours: Annotated[float, Field(gt=0)] = _DEFAULT.max_retry_hours
    """Time in hours after which an event is given up, with a message."""
    email: EmailSection = EmailSection()
    """E-mail."""
    webhook: dict[str, WebhookSection] = {}
    """Webhooks by name."""

    @model_validator(mode="after")
    def _file_is_collected(self) -> "SinksSection":
        if self.prometheus and not self.prometheus.endswith(".prom"):
            raise ValueError(f"prometheus: {self.prometheus}: node_exporter reads files named *.prom only; rename it")
        return self

    def settings(self) -> SinkSettings:
        """The settings as the monitor takes them; relative paths are relative to the working directory."""
        return SinkSettings(
            log=self.log,
            json_lines=Path(self.json_lines) if self.json_lines else None,
            prometheus=Path(self.prometheus) if self.prometheus else None,
            webhooks={name: one.settings() for name, one in self.webhook.items()},
            email=self.email.settings(),
            initial_backoff_seconds=self.initial_backoff_seconds,
            max_backoff_seconds=self.max_backoff_seconds,
            max_retry_hours=self.max_retry_hours,
        )
