"""Detects passwords and tokens in URLs and settings, which are then rejected, and removes them from messages and logs.

Credentials come from environment variables, which are in no record of a run. A URL with credentials would be stored in
the settings, the metadata, the report and the compiled pipeline.
"""

import os
import re
from collections.abc import Mapping

from components.shared.texts.escaping import on_one_line

_WORD = r"(?:secret|passw(?:or)?d|pwd|token|signature|sig|credentials?|api_?key|access_?key|account_?key|private_?key)"
_USER = re.compile(r"(?<=://)[^\s/?#'\"<>]*@")
_QUERY = re.compile(rf"([?&;][^=&\s]*{_WORD}[^=&\s]*=)[^&\s'\"]+", re.IGNORECASE)
_NAME = re.compile(
    r"(^|_)(SECRET|[A-Z]*PASSWORD|[A-Z]*PASSWD|SSHPASS|TOKEN|API_?KEY|ACCESS_KEY|ACCOUNT_KEY|PRIVATE_KEY)(_|$)|_PWD$",
    re.I,
)
_SHORTEST = 6
"""Minimum length of a secret value that is removed; a shorter one may be a word of the message."""
HIDDEN = "***"


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret: DB_PASSWORD, PGPASSWORD, MYSQL_PWD; but not PWD."""
    return _NAME.search(name) is not None


def holds_secret(url: str) -> bool:
    """Whether a URL contains a user, a password, a key or a signature."""
    return "://" in url and bool(_USER.search(url) or _QUERY.search(url))


def without_secrets(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Removes credentials in URLs and the values of secret environment variables from a text.

    Args:
      text: A message or a traceback.
      environment: Variable -> value; None for those of this process.
    """
    variables = os.environ if environment is None else environment
    secrets = {value for name, value in variables.items() if len(value) >= _SHORTEST and is_secret_name(name)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _QUERY.sub(rf"\1{HIDDEN}", _USER.sub(f"{HIDDEN}@", text))


def message_line(message: object) -> str:
    """Formats a message for display: on one line, printable, without secrets."""
    return on_one_line(without_secrets(" ".join(str(message).split())))
