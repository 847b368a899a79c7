"""The table [serving]."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.sections.section import ConfigSection


class ServingSection(ConfigSection):
    """Model server (`plumbline serve`). A server of several datasets takes these settings from the first one."""

    key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "X-Request-Key"
    """Header with the request key. Requests with one key, such as a customer's, are all answered by the live version or
    all by the canary. Without a key each request is assigned by its request id."""
    key_input: str = ""
    """Input of the model whose value is the request key if the header is missing; "" for none."""
    time_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$")] = ""
    """Header with the time at which what a request describes happened, in ISO 8601 or in microseconds since 1970-01-01
    UTC, for replayed or delayed requests; it becomes the column `event_time` of the request log, by which `plumbline
    monitor` makes its windows. "" for none: then the time of arrival counts."""
    batch_rows: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Maximum number of rows that are given to the model in one call, except for a request that has more itself."""
    max_rows: Annotated[int, Field(ge=1)] = 10_000
    """Maximum number of rows of a request (400 if it has more)."""
    max_body_mb: Annotated[float, Field(gt=0, le=2000)] = 16.0
    """Maximum size of a request body in MB, 10^6 bytes (413 if it is larger)."""
    max_in_flight: Annotated[int, Field(ge=1)] = 1024
    """Requests that a server process answers at a time; further ones get 429."""
    max_connections: Annotated[int, Field(ge=1)] = 10_000
    """Open connections of a server process; further ones are closed."""
    request_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Time in which a request is answered (504 after it)."""
    receive_seconds: Annotated[float, Field(gt=0)] = 20.0
    """Time that a client has to send a request, and to take its answer."""
    idle_seconds: Annotated[float, Field(gt=0)] = 75.0
    """Time after which a connection without a request is closed."""
    drain_seconds: Annotated[float, Field(gt=0)] = 20.0
    """Time that running requests have to end after SIGTERM."""
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 0.5
    """Interval at which the registry is read. A promotion or a rollback takes effect within it."""
