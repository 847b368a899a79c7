"""Sampling of requests by a hash of their id."""

from hashlib import blake2b

_PERSON = b"request log"  # another hash than that of the traffic split: a sample has the same share of each arm


def is_sampled(request_id: str, share: float) -> bool:
    """Whether a request is logged: the same for all its rows, for both arms of a shadow pair, and in every process.

    A request is sampled if a 64-bit hash of its id is below `share` · 2^64; so a larger share keeps all requests that a
    smaller one keeps.

    Args:
      request_id: The request's id.
      share: Share of the requests, in [0, 1].
    """
    if share >= 1.0:
        return True
    content = request_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8, person=_PERSON).digest(), "big") < int(share * 2.0**64)
