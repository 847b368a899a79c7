"""A prediction between its request and its response."""

from collections.abc import Callable
from dataclasses import dataclass

from serving.http.messages import HttpRequest, HttpResponse
from serving.models.leases import Lease
from serving.rest.paths import Route
from serving.traffic import BASELINE, LIVE

Respond = Callable[[HttpResponse], None]


@dataclass(eq=False)
class Exchange:
    """A prediction between its request and its response.

    Attributes:
      request: The request.
      route: What it asks for.
      lease: The version that answers it.
      label: live, baseline, canary, shadow or direct.
      respond: Sends the response; None for a shadow prediction.
      request_id: Id of the request.
      explain: Number of features to explain; 0 for none.
      event_time: When it happened, as the client says: microseconds since 1970-01-01 UTC; None if it does not.
    """

    request: HttpRequest
    route: Route
    lease: Lease
    label: str
    respond: Respond | None
    request_id: str
    explain: int = 0
    event_time: int | None = None

    @property
    def role(self) -> str:
        """The label as clients and metrics see it: the baseline is a part of live."""
        return LIVE if self.label == BASELINE else self.label
