"""Settings of the model server."""

from dataclasses import dataclass, field
from pathlib import Path

from serving.request_log.settings import LogSettings


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the model server; [serving] of pipeline.toml documents those that a dataset sets.

    Attributes:
      host: Address to listen on.
      port: TCP port; 0 lets the system choose one.
      workers: Number of server processes; each loads every model.
      key_header: Header with the request key, by which requests are divided between live and canary; lower case.
      key_input: Input of the model whose value is the request key where the header is missing; "" for none.
      time_header: Header with the time at which what a request describes happened; lower case; "" for none.
      max_body_bytes: Largest request body.
      max_rows: Most rows of a request.
      max_in_flight: Requests that a worker answers at a time; further ones get 429.
      max_connections: Open connections of a worker; further ones are closed.
      request_seconds: Time in which a request is answered; after it the client gets 504.
      receive_seconds: Time in which a request has to be sent; a slower client is disconnected.
      idle_seconds: Time after which a connection without a request is closed.
      drain_seconds: Time that running requests have at shutdown.
      batch_rows: Most rows that are given to the model in one call, unless one request has more.
      poll_seconds: Interval of the looks at the registry.
      token_file: File with the bearer token; "" for none.
      token_variable: Environment variable with the bearer token; "" for none.
      tls_certificate: File with the certificate chain, PEM; "" for plain HTTP.
      tls_key: File with the private key, PEM; "" if the certificate's file has it.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    workers: int = 1
    key_header: str = "x-request-key"
    key_input: str = ""
    time_header: str = ""
    max_body_bytes: int = 16 << 20
    max_rows: int = 10_000
    max_in_flight: int = 1024
    max_connections: int = 10_000
    request_seconds: float = 30.0
    receive_seconds: float = 20.0
    idle_seconds: float = 75.0
    drain_seconds: float = 20.0
    batch_rows: int = 256
    poll_seconds: float = 0.5
    token_file: str = ""
    token_variable: str = ""
    tls_certificate: str = ""
    tls_key: str = ""


@dataclass(frozen=True)
class ServedDataset:
    """One model of a server.

    Attributes:
      name: Name of the model in requests: the dataset's.
      registry: Folder or URL of its registry.
      log_folder: Folder of its request log; None for no log.
      log: Settings of its request log.
    """

    name: str
    registry: str
    log_folder: Path | None = None
    log: LogSettings = field(default_factory=LogSettings)
