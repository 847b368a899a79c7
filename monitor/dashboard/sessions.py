"""Sessions of readers who signed in with the server's bearer token: signed cookies, and tokens of the forms.

A session is text: expiry and a random number, with an HMAC (SHA-256) whose key is derived from the bearer token. Every
worker process can check it, nothing is stored, and another bearer token ends all sessions.
"""

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

SECONDS = 12 * 3600
"""Lifetime of a session."""
COOKIE = "plumbline_session"


class Sessions:
    """Makes and checks sessions.

    Args:
      token: The server's bearer token; not empty.
      path: Path to which browsers send the cookie.
      secure: Whether the server has TLS; browsers then send the cookie over TLS only.
    """

    def __init__(self, token: bytes, path: str, *, secure: bool) -> None:
        self._token, self._path, self._secure = token, path, secure
        self._key = hmac.digest(token, b"plumbline dashboard session", hashlib.sha256)

    def is_token(self, text: str) -> bool:
        """Whether a text is the bearer token; compared in constant time."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self._token)

    def start(self, now: float) -> str:
        """Returns the value of a Set-Cookie header that starts a session; `now` is seconds since 1970."""
        body = f"{int(now) + SECONDS}.{secrets.token_urlsafe(16)}"
        return self._cookie(f"{body}.{self._signature('session', body)}", SECONDS)

    def end(self) -> str:
        """Returns the value of a Set-Cookie header that ends the session."""
        return self._cookie("", 0)

    def session(self, cookie: str, now: float) -> str:
        """Returns the valid session in a Cookie header; "" if there is none."""
        try:
            morsel = SimpleCookie(cookie).get(COOKIE)
        except CookieError:
            return ""
        body, _, signature = (morsel.value if morsel else "").rpartition(".")
        if not body or not self._same(signature, self._signature("session", body)):
            return ""
        return body if now < int(body.partition(".")[0]) else ""

    def form_token(self, session: str) -> str:
        """Returns the token that the forms of a session carry: another site cannot know it."""
        return self._signature("form", session)

    def is_form_token(self, text: str, session: str) -> bool:
        """Whether a form has the token of the session."""
        return bool(session) and self._same(text, self.form_token(session))

    def _signature(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _same(one: str, other: str) -> bool:
        return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())

    def _cookie(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{COOKIE}={value}; Path={self._path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
