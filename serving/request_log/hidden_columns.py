"""Features that the log does not hold (excluded), or holds as a keyed hash only."""

from collections.abc import Collection
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from serving.request_log.settings import LogSettings

DIGEST_BYTES = 16


class HiddenColumns:
    """Excluded and hashed features.

    A hashed value is the keyed BLAKE2b (RFC 7693) of its bytes, 128 bits, as 32 hexadecimal digits: equal values can be
    counted and joined, but without the key neither the value nor a guess of it can be checked. Of a number, the text of
    its shortest decimal form is hashed. Null stays null.
    """

    def __init__(self, excluded: Collection[str] = (), hashed: Collection[str] = (), key: bytes = b"") -> None:
        self._excluded = frozenset(excluded)
        self._hashed = frozenset(hashed)
        self._key = key

    @classmethod
    def of(cls, settings: LogSettings) -> "HiddenColumns":
        """Those of the settings; raises ConfigError if the key of the hash cannot be used."""
        return cls(settings.excluded, settings.hashed, settings.hash_key())

    def is_excluded(self, feature: str) -> bool:
        """Whether a feature is not logged."""
        return feature in self._excluded

    def hashed(self, feature: str, values: pa.Array) -> pa.Array:
        """Returns the hashes of a feature's values (binary) if it is a hashed feature, else the values."""
        if feature not in self._hashed:
            return values
        return pa.array([None if value is None else self._hash(value) for value in values.to_pylist()], pa.binary())

    def _hash(self, value: Any) -> bytes:
        content = value if isinstance(value, bytes) else repr(value).encode()
        return blake2b(content, digest_size=DIGEST_BYTES, key=self._key).hexdigest().encode()
