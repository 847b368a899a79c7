"""Requests and responses of the HTTP layer."""

from dataclasses import dataclass
from http import HTTPStatus

JSON = "application/json"
REASONS = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}


@dataclass(eq=False)
class HttpRequest:
    """One request, complete.

    Attributes:
      method: GET, POST, ...
      path: Path as it was sent, percent-encoded, without the query.
      query: What stands behind "?", undecoded; "" without one.
      headers: Values by lower-case name, latin-1; the last of equal names.
      body: The body.
      arrived: time.monotonic() when the request was complete.
      time: Microseconds since 1970-01-01 UTC at the same moment.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    arrived: float
    time: int


@dataclass(frozen=True)
class HttpResponse:
    """The answer to one request.

    Attributes:
      status: Status code.
      body: The body.
      content_type: Its type.
      headers: Further headers as lines, each ended by CR LF.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: str = ""

    def to_bytes(self, *, keep_alive: bool, with_body: bool = True) -> bytes:
        """Returns the message as it is sent; `with_body` is False for HEAD."""
        close = "" if keep_alive else "connection: close\r\n"
        head = (
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, '')}\r\ncontent-type: {self.content_type}\r\n"
            f"content-length: {len(self.body)}\r\n{self.headers}{close}\r\n"
        ).encode("latin-1", "replace")
        return head + self.body if with_body else head
