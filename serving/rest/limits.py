"""How large a request may be, beyond the size of its body in bytes, which the transport limits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one request; what is beyond gets a 400.

    Attributes:
      rows: Rows of a request: instances, examples, or the first dimension of an input.
      depth: Dimensions of a tensor.
      text_bytes: Bytes of one string as UTF-8, or after base64.
    """

    rows: int = 10_000
    depth: int = 16
    text_bytes: int = 1 << 20
