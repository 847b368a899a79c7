"""A process that appends to a request log, for tests that kill it: `python -m … FOLDER MODE PREFIX [COUNT]`.

Prints a line for each request whose rows are on disk. MODE `synchronous` waits for each; `periodic` writes every 50
rows, with segments that are sealed after a few hundred rows.
"""

import sys
from collections import deque
from pathlib import Path

from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import NOON, request


def main(folder: str, prefix: str, count: str = "1000000000") -> None:
    writer = RequestLogWriter(Path(folder), LogSettings(synchronous=True, segment_bytes=40_000))
    print("started", flush=True)
    waiting: deque = deque()
    for number in range(int(count)):
        name = f"{prefix}{number}"
        waiting.append((name, writer.append(request(name, 2, version=number % 2, time=NOON + number))))
        while len(waiting) > 8:  # as concurrent requests
            done, receipt = waiting.popleft()
            print(done if receipt.result() else f"-{done}", flush=True)
    for done, receipt in waiting:
        print(done if receipt.result() else f"-{done}", flush=True)
    writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
