"""Pages for people beside the model API, such as the monitor's dashboard: what makes them, and the thread they run in.

The server knows no dashboard: `PageSource` names a function by module and name, which is imported when the server
starts. Pages are made in one thread of their own, so that they never hold up the event loop; a few may wait.
"""

import importlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from components.shared.errors import PlumblineError
from serving.http.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from serving.http.protocol import Respond

LOG = logging.getLogger("plumbline.serving")
WAITING = 8
"""Requests for pages that may wait; further ones get 503."""


class Pages(Protocol):
    """Makes pages. The methods are called in one thread, one at a time."""

    path: str
    """Their path and the prefix of their paths, such as "/dashboard"."""

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answers a request below `path`; checks itself who may read it."""


@dataclass(frozen=True)
class PageSource:
    """What makes the pages.

    Attributes:
      factory: "module:function"; the function takes `options` and the bearer token (b"" for none) and returns Pages.
      options: Its options, JSON values.
    """

    factory: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self, token: bytes) -> Pages:
        """Imports the factory and calls it; PlumblineError if there is none."""
        module, _, name = self.factory.partition(":")
        try:
            factory = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as exc:
            raise PlumblineError(f"{self.factory}: the pages of the server cannot be loaded ({exc})") from exc
        pages: Pages = factory(self.options, token)
        return pages


class PageThread:
    """Answers requests for pages in a thread of its own."""

    def __init__(self, pages: Pages, later: Callable[[Callable[[], None]], None]) -> None:
        """Starts no thread yet.

        Args:
          pages: What makes the pages.
          later: Calls a function in the event loop's thread.
        """
        self._pages, self._later = pages, later
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="pages")
        self._waiting = 0

    def takes(self, path: str) -> bool:
        """Whether a path is one of the pages'."""
        own = self._pages.path
        return path == own or path.startswith(f"{own}/")

    def handle(self, request: HttpRequest, respond: "Respond") -> None:
        """Answers a request by one call of `respond`, later, in the event loop's thread; which also calls this."""
        if self._waiting >= WAITING:
            respond(HttpResponse(503, b"too many requests for pages; try again\n", "text/plain", "retry-after: 2\r\n"))
            return
        self._waiting += 1

        def done(response: HttpResponse) -> None:
            self._waiting -= 1
            respond(response)

        def work() -> None:
            try:
                response = self._pages.respond(request)
            except Exception:  # a defect; the reader must not wait for the time-out
                LOG.exception("defect in answering %s %s", request.method, request.path)
                response = HttpResponse(500, b"the page cannot be made; see the server's log\n", "text/plain")
            self._later(lambda: done(response))

        self._executor.submit(work)

    def stop(self) -> None:
        """Ends the thread after the page that it makes."""
        self._executor.shutdown(cancel_futures=True)
