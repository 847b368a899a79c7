"""Cost of the request log: what a call of `append` takes on the request path, and what the rows take off it.

    python -m benchmarks.request_log [--rows 200000] [--json FILE]

Rows have 8 texts, 15 float32 numbers and one output, as the example dataset's. For requests of one row (`single`),
micro-batches of 32 requests (`batch_32`), and single requests of 64 clients that wait until each is on disk
(`synchronous`), prints in one JSON object:

- `append_us`: microseconds of one `append` on the calling thread: median and 99th percentile; `append_cpu_us`: CPU of
  that thread for each call, in the mean.
- `rows_per_second`: rows written to disk per second, with the caller going as fast as it can without a drop.
- `cpu_s_per_million_rows`: CPU of the whole process, with making the records subtracted, converting, writing and
  sealing included.
- `dropped`: rows that were not logged: 0, or the other figures mean nothing.

Also `sealed_bytes_per_row`, and `read_rows_per_second` of all columns through DuckDB.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import print_result
from serving.request_log.reading import RequestLog
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter

TEXTS, NUMBERS, BATCH, CLIENTS = 8, 15, 32, 64


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    found: dict[str, Any] = {"rows": options.rows}
    with tempfile.TemporaryDirectory() as folder:
        for name, make, rows in (("single", single, 1), ("batch_32", batch, BATCH)):
            found[name] = measured(Path(folder) / name, make, rows, options.rows)
        found["synchronous"] = synchronous(Path(folder) / "synchronous", options.rows // 10)
        log = Path(folder) / "single"
        size = sum(path.stat().st_size for path in log.rglob("*.parquet"))
        found["sealed_bytes_per_row"] = round(size / options.rows, 1)
        began = time.perf_counter()
        read = sum(batch.num_rows for batch in RequestLog(log).read())
        assert read == options.rows
        found["read_rows_per_second"] = round(read / (time.perf_counter() - began))
    print_result(found, options.json)


def single(number: int) -> Records:
    """A request of one row; its values are arrays of their own, as a server decodes them."""
    return _records(f"request-{number:012}", 1, number)


def batch(number: int) -> Records:
    """A micro-batch of 32 requests of one row each."""
    return _records([f"request-{number:06}-{row:05}" for row in range(BATCH)], BATCH, number)


def _records(ids: str | list[str], rows: int, number: int) -> Records:
    features: dict[str, np.ndarray] = {}
    for column in range(TEXTS):
        features[f"text_{column}"] = np.array([b"value %d" % ((number + row) % 97) for row in range(rows)], object)
    for column in range(NUMBERS):
        features[f"number_{column}"] = np.arange(number + column, number + column + rows).astype(np.float32)
    zeros = np.zeros(rows, np.int32)
    return Records(
        model="flights",
        version=3,
        label="live",
        request_id=ids,
        row=zeros,
        time=time.time_ns() // 1000,
        latency=0.001,
        features=features,
        outputs={"probability": np.full((rows, 1), 0.25, np.float32)},
        size=rows * 600,  # as the server: the length of the body
    )


def measured(folder: Path, make: Callable[[int], Records], each: int, rows: int) -> dict[str, Any]:
    """Appends rows without waiting for the disk, except where the queue is half full."""
    settings = LogSettings(queue_rows=200_000)
    writer = RequestLogWriter(folder, settings)
    began, spent = time.perf_counter(), time.process_time()
    calls, making, appending = [], 0.0, 0.0
    for number in range(rows // each):
        before = time.thread_time()
        records = make(number)
        made = time.thread_time()
        start = time.perf_counter()
        writer.append(records)
        calls.append(time.perf_counter() - start)
        after = time.thread_time()
        making += made - before
        appending += after - made
        if number % 64 == 0:
            while writer.statistics().queued_rows > settings.queue_rows // 2:
                time.sleep(0.001)
    writer.close(600)
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent - making
    statistics = writer.statistics()
    return {
        "append_us": {"median": _us(np.median(calls)), "p99": _us(np.percentile(calls, 99))},
        "append_cpu_us": _us(appending / len(calls)),
        "rows_per_second": round(statistics.written / seconds),
        "cpu_s_per_million_rows": round(cpu / statistics.written * 1e6, 1),
        "dropped": sum(statistics.dropped.values()) + rows - statistics.written,
    }


def synchronous(folder: Path, rows: int) -> dict[str, Any]:
    """64 requests are under way at any time, each waits for the disk."""
    writer = RequestLogWriter(folder, LogSettings(synchronous=True))
    waiting, waits = [], []
    began = time.perf_counter()
    for number in range(rows):
        waiting.append((time.perf_counter(), writer.append(single(number))))
        if len(waiting) == CLIENTS:
            _await(waiting, waits)
    _await(waiting, waits)
    seconds = time.perf_counter() - began
    writer.close(600)
    return {
        "wait_ms": {
            "median": round(float(np.median(waits)) * 1e3, 2),
            "p99": round(float(np.percentile(waits, 99)) * 1e3, 2),
        },
        "rows_per_second": round(rows / seconds),
        "dropped": sum(writer.statistics().dropped.values()),
    }


def _await(waiting: list[tuple[float, Any]], waits: list[float]) -> None:
    for start, receipt in waiting:
        receipt.result(60)
        waits.append(time.perf_counter() - start)
    waiting.clear()


def _us(seconds: Any) -> float:
    return round(float(seconds) * 1e6, 1)


if __name__ == "__main__":
    main()
