"""Reads secrets when they are needed, so that they are in no settings, state or log."""

import os
from pathlib import Path

from components.shared.errors import ConfigError
from monitor.sinks.settings import Secret


def secret_value(secret: Secret) -> bytes:
    """Returns the secret; b"" if none is named.

    Raises:
      ConfigError: The file cannot be read, or the variable is not set, or it is empty. The message has no secret.
    """
    if secret.file:
        try:
            found = Path(secret.file).read_bytes().rstrip(b"\r\n")
        except OSError as exc:
            raise ConfigError(f"[sinks] {secret.key}_file {secret.file}: cannot be read ({exc.strerror})") from exc
        if not found:
            raise ConfigError(f"[sinks] {secret.key}_file {secret.file}: is empty; write the secret into it")
        return found
    if secret.variable:
        found = os.fsencode(os.environ.get(secret.variable, ""))
        if not found:
            raise ConfigError(f"[sinks] {secret.key}_variable {secret.variable}: is not set in the environment")
        return found
    return b""
