"""The model server of the demo: `plumbline serve` as a process, on this machine only."""

import re
import time
from dataclasses import dataclass

from components.shared.errors import PlumblineError
from pipeline.demo.commands import Commands, Process

STARTS_WITHIN = 900.0
SERVING = re.compile(r"Serving at (?P<scheme>https?)://(?P<host>[^:]+):(?P<port>\d+)")


@dataclass(frozen=True)
class Server:
    """A running model server.

    Attributes:
      process: Its process.
      host, port: Its address.
    """

    process: Process
    host: str
    port: int

    @property
    def url(self) -> str:
        """Its address as a URL."""
        return f"http://{self.host}:{self.port}"


def start_server(commands: Commands, dataset: str, port: int) -> Server:
    """Starts the server; returns when it answers.

    Args:
      commands: Starts it.
      dataset: Dataset to serve.
      port: Port; 0 is any free one.

    Raises:
      PlumblineError: It ended, or does not answer within STARTS_WITHIN seconds.
    """
    found: list[re.Match[str]] = []

    def heard(line: str) -> None:
        if match := SERVING.match(line):
            found.append(match)

    process = commands.start("serve", "--dataset", dataset, "--port", str(port), err=heard)
    deadline = time.monotonic() + STARTS_WITHIN
    while not found:
        if process.ended:
            process.wait()
            raise PlumblineError(f"`plumbline serve` ended: {process.last_words}")
        if time.monotonic() > deadline:
            process.end()
            raise PlumblineError(f"`plumbline serve` does not answer after {STARTS_WITHIN:g} s: {process.last_words}")
        time.sleep(0.1)
    return Server(process, found[0]["host"], int(found[0]["port"]))
