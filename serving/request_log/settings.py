"""Settings of the request log; [request_log] of pipeline.toml documents each and has the defaults."""

import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from components.shared.errors import ConfigError

SHORTEST_KEY = 16
"""Minimum length of the key of hashed columns, in bytes."""
_LONGEST_BLAKE2B_KEY = 64


@dataclass(frozen=True)
class LogSettings:
    """What is logged, how much a killed process may lose, and how long it is kept."""

    sample: float = 1.0
    """Share of the requests that are logged, in [0, 1]; 0 disables the log."""
    synchronous: bool = False
    """Whether an answer waits until its rows are on disk."""
    every_rows: int = 1000
    """Rows are written to disk when so many are queued."""
    every_seconds: float = 1.0
    """Rows are written to disk when the oldest of them has been queued for so long."""
    queue_rows: int = 100_000
    """Maximum number of queued rows; further rows are dropped and counted."""
    queue_bytes: int = 64 << 20
    """Maximum bytes of queued rows."""
    segment_bytes: int = 64 << 20
    """Size at which an open segment is sealed, if its hour has not ended before."""
    excluded: tuple[str, ...] = ()
    """Features that are not logged."""
    hashed: tuple[str, ...] = ()
    """Features of which only a keyed hash is logged."""
    hash_key_file: str = ""
    """File with the key of the hash."""
    hash_key_variable: str = ""
    """Environment variable with the key of the hash."""
    keep_days: float = 90.0
    """Age in days at which sealed files are deleted; 0 is never."""
    keep_bytes: int = 0
    """Size of all sealed files above which the oldest are deleted; 0 is no limit."""

    def hash_key(self) -> bytes:
        """Returns the key of hashed columns, at most 64 bytes (a longer one is hashed); b"" if no column is hashed.

        Raises:
          ConfigError: The key is missing, cannot be read or is too short.
        """
        if not self.hashed:
            return b""
        if self.hash_key_file:
            place = f"[request_log] hash_key_file {self.hash_key_file}"
            try:
                key = Path(self.hash_key_file).read_bytes().rstrip(b"\r\n")
            except OSError as exc:
                raise ConfigError(f"{place}: cannot be read ({exc.strerror})") from exc
        elif self.hash_key_variable:
            place = f"[request_log] hash_key_variable {self.hash_key_variable}"
            key = os.fsencode(os.environ.get(self.hash_key_variable, ""))
            if not key:
                raise ConfigError(f"{place}: is not set in the environment; set it to a key of random characters")
        else:
            raise ConfigError("[request_log] hashed: needs a key; set hash_key_file or hash_key_variable")
        if len(key) < SHORTEST_KEY:
            raise ConfigError(f"{place}: has {len(key)} bytes; a key needs at least {SHORTEST_KEY}")
        return key if len(key) <= _LONGEST_BLAKE2B_KEY else blake2b(key).digest()
