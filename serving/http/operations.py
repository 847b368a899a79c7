"""Paths beside the model API: /healthz, /readyz, /metrics, /openapi.json, pages; and the check of the bearer token."""

import json

from serving.errors import ServingError, Status
from serving.http.access import allowed
from serving.http.messages import HttpRequest, HttpResponse
from serving.http.pages import PageThread
from serving.http.protocol import Respond
from serving.metrics import CONTENT_TYPE, Metrics, exposition
from serving.predictions import failed
from serving.service import Service

OPEN = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
"""Paths without a token: what asks them, such as a kubelet, has none."""


class Operations:
    """Answers the paths above, and gives all others to the service."""

    def __init__(self, service: Service, metrics: Metrics, token: bytes, pages: PageThread | None = None) -> None:
        """Composes them.

        Args:
          service: Answers all other paths.
          metrics: Counters.
          token: The bearer token; b"" for none.
          pages: Pages for people, which ask a browser for the token themselves; None for none.
        """
        self._service, self._metrics, self._token, self._pages = service, metrics, token, pages

    def handle(self, request: HttpRequest, respond: Respond) -> None:
        """Answers a request by one call of `respond`."""
        path = request.path
        if self._pages is not None and self._pages.takes(path):
            self._pages.handle(request, respond)
        elif self._token and path not in OPEN and not allowed(request.headers.get("authorization", ""), self._token):
            error = ServingError(Status.UNAUTHENTICATED, "the request needs the header Authorization: Bearer TOKEN")
            response = failed(error)
            respond(HttpResponse(response.status, response.body, headers="www-authenticate: Bearer\r\n"))
        elif path == "/healthz":
            respond(HttpResponse(200, b"ok\n", "text/plain"))
        elif path == "/readyz":
            ready = self._service.ready
            respond(HttpResponse(200 if ready else 503, b"ready\n" if ready else b"not ready\n", "text/plain"))
        elif path == "/metrics":
            self._metrics.flush()
            respond(HttpResponse(200, exposition(), CONTENT_TYPE))
        elif path == "/openapi.json":
            document = self._service.openapi(bearer=bool(self._token))
            respond(HttpResponse(200, json.dumps(document).encode()))
        else:
            self._service.handle(request, respond)
