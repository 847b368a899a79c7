"""Load generator for HTTP: keep-alive connections that each send a request when the last one is answered.

    python -m benchmarks.http_load URL --body FILE [--connections 64] [--seconds 5] [--header 'Name: value']

A process of its own, so that it does not share an interpreter with the server. Prints one JSON object: `requests`,
`seconds`, `per_second`, `median_ms`, `p99_ms`, `failed` (answers other than 200, and broken connections), `statuses`
[status -> count], `versions` [X-Model-Version -> count], `cpu_seconds` of the generator.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np


@dataclass(eq=False)
class Load:
    """What the connections of one run have in common, and what they count."""

    message: bytes
    until: float
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    broken: int = 0


class Connection(asyncio.Protocol):
    """Sends the request again and again; reads as much of an answer as it needs to know where it ends."""

    def __init__(self, load: Load, ended: asyncio.Future[None]) -> None:
        self._load, self._ended = load, ended
        self._read = b""
        self._missing = -1
        self._sent = 0.0

    def connection_made(self, transport: Any) -> None:
        """See asyncio.Protocol."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._load.message)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._missing < 0:
            self._read += data
            end = self._read.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._read[:end].lower()
            self._missing = _number(head, b"content-length: ") - (len(self._read) - end - 4)
            self._load.statuses[head[9:12].decode()] += 1
            if b"x-model-version: " in head:
                self._load.versions[str(_number(head, b"x-model-version: "))] += 1
        else:
            self._missing -= len(data)
        if self._missing == 0:
            now = time.perf_counter()
            self._load.latencies.append(now - self._sent)
            self._read, self._missing = b"", -1
            if now < self._load.until:
                self._send()
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if exc is not None or time.perf_counter() < self._load.until:
            self._load.broken += 1
        if not self._ended.done():
            self._ended.set_result(None)


def _number(head: bytes, name: bytes) -> int:
    start = head.index(name) + len(name)
    end = head.find(b"\r", start)
    return int(head[start : end if end >= 0 else len(head)])


def message(url: str, body: bytes, headers: list[str]) -> bytes:
    """The request as it is sent: POST with a body, GET without."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", f"host: {parts.netloc}", *headers]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _run(options: argparse.Namespace) -> dict[str, Any]:
    body = options.body.read_bytes() if options.body else b""
    parts = urlsplit(options.url)
    start = time.perf_counter()
    load = Load(message(options.url, body, options.header), start + options.seconds)
    loop = asyncio.get_running_loop()
    futures = []
    for _ in range(options.connections):
        ended: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda ended=ended: Connection(load, ended), parts.hostname, parts.port)
        futures.append(ended)
    await asyncio.wait(futures, timeout=options.seconds + 60)
    seconds = time.perf_counter() - start
    latencies = np.array(load.latencies) * 1000
    good = load.statuses["200"]
    return {
        "requests": len(latencies),
        "seconds": round(seconds, 2),
        "per_second": round(len(latencies) / seconds, 1),
        "median_ms": round(float(np.median(latencies)), 2) if len(latencies) else None,
        "p99_ms": round(float(np.quantile(latencies, 0.99)), 2) if len(latencies) else None,
        "failed": sum(load.statuses.values()) - good + load.broken,
        "statuses": dict(load.statuses),
        "versions": dict(load.versions),
        "cpu_seconds": round(time.process_time(), 2),
    }


def main() -> int:
    """Sends, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--body", type=Path)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--header", action="append", default=[])
    options = parser.parse_args()
    if urlsplit(options.url).hostname not in ("127.0.0.1", "localhost", "::1"):
        print("benchmarks/http_load: only servers on this machine are loaded", file=sys.stderr)
        return 2
    import uvloop

    print(json.dumps(uvloop.run(_run(options))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
