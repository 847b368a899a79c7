"""Who may send requests, and over what: bearer token and TLS."""

import hmac
import os
import ssl
from pathlib import Path

from components.shared.errors import UsageError
from serving.settings import ServerSettings

SHORTEST_TOKEN = 16
"""Minimum length of a bearer token, in bytes."""


def bearer_token(settings: ServerSettings) -> bytes:
    """Returns the token that requests must have; b"" if none is needed.

    Raises:
      UsageError: It cannot be read, is too short, or is given twice.
    """
    if settings.token_file and settings.token_variable:
        raise UsageError("token_file and token_variable: give one of the two")
    if settings.token_file:
        place = settings.token_file
        try:
            token = Path(settings.token_file).read_bytes().strip()
        except OSError as exc:
            raise UsageError(f"{place}: the bearer token cannot be read ({exc.strerror})") from exc
    elif settings.token_variable:
        place = f"the environment variable {settings.token_variable}"
        token = os.environb.get(os.fsencode(settings.token_variable), b"").strip()
        if not token:
            raise UsageError(f"{place}: is not set; it has to hold the bearer token")
    else:
        return b""
    if len(token) < SHORTEST_TOKEN:
        raise UsageError(f"{place}: the bearer token has {len(token)} bytes; it needs at least {SHORTEST_TOKEN}")
    return token


def allowed(authorization: str, token: bytes) -> bool:
    """Whether the value of an Authorization header has the token; compared in constant time."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1", "replace"), token)


def tls_context(settings: ServerSettings) -> ssl.SSLContext | None:
    """Returns the TLS settings; None for plain HTTP.

    Raises:
      UsageError: Certificate or key cannot be read, or do not belong together.
    """
    if not settings.tls_certificate:
        if settings.tls_key:
            raise UsageError("tls_key: needs tls_certificate, too")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key or None, password=lambda: "")
    except (OSError, ssl.SSLError) as exc:
        why = exc.strerror or str(exc)
        raise UsageError(f"{settings.tls_certificate}: not a certificate with its key, in PEM ({why})") from exc
    return context
