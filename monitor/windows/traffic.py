"""Requests, errors and latencies of one version in one window."""

from dataclasses import dataclass, field

import numpy as np

SERVER_ERROR, CLIENT_ERROR = 500, 400
"""HTTP statuses from which a request counts as an error of the server, or else of the client."""


@dataclass(frozen=True)
class Traffic:
    """Traffic of a version.

    Attributes:
      requests: Requests, failed ones included.
      rows: Answered rows.
      client_errors: Requests with status 400 to 499.
      server_errors: Requests with status 500 and more.
      latency: Quantile -> seconds, of the requests that succeeded.
      latencies: Seconds of at most some thousand of them, a seeded sample, float64.
    """

    requests: int
    rows: int
    client_errors: int = 0
    server_errors: int = 0
    latency: dict[float, float] = field(default_factory=dict)
    latencies: np.ndarray = field(default_factory=lambda: np.zeros(0))
