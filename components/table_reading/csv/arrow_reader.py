"""Wraps Arrow's streaming CSV reader so that its threads hold no Python objects after closing.

Arrow reads ahead in its own threads. If such a thread needs the GIL while the interpreter shuts down, to read or
release a Python stream, Python terminates it inside C++ code, which aborts the process with exit status 134. Closing
therefore stops the stream and waits until Arrow has released it, also after an error.
"""

import atexit
import time
import weakref
from collections import deque
from collections.abc import Iterator
from functools import cache

import pyarrow as pa
from pyarrow import csv

from components.table_reading.csv.stream import CsvStream, Readable, StreamState

WAIT_SECONDS = 10.0
"""Maximum wait for a pending read; reads from object storage may take that long."""


class _Watched:
    """A weakly referenced object whose deletion shows that the stream has been released."""


def csv_batches(
    stream: Readable,
    read: csv.ReadOptions,
    parse: csv.ParseOptions,
    convert: csv.ConvertOptions,
    state: StreamState,
) -> Iterator[pa.RecordBatch]:
    """Streams the record batches of a CSV stream, in order.

    Args:
      stream: The bytes. It is not closed, and not read after the iterator has ended or been closed.
      read: Read options of Arrow's reader.
      parse: Parse options of Arrow's reader.
      convert: Convert options of Arrow's reader.
      state: State of the stream, updated in place.

    Raises:
      pa.ArrowInvalid: Arrow rejects the content.
      Exception: Any exception of `stream.read`.
    """
    batches = _batches(stream, read, parse, convert, state)
    _unfinished().add(batches)
    return batches


def _batches(
    stream: Readable,
    read: csv.ReadOptions,
    parse: csv.ParseOptions,
    convert: csv.ConvertOptions,
    state: StreamState,
) -> Iterator[pa.RecordBatch]:
    passing = CsvStream(stream, parse.delimiter, state)
    watched, gone = _Watched(), deque[object]()
    passing.watched = watched  # type: ignore[attr-defined]  # deleted last among the stream's attributes
    # deque.append is implemented in C, so the calling thread cannot be interrupted inside the callback.
    watch = weakref.ref(watched, gone.append)
    # The buffered stream copies each block into Arrow's memory, so that Arrow holds no Python bytes. Its buffer of one
    # byte is never used, so that blocks keep their size.
    source = pa.BufferedInputStream(pa.PythonFile(passing, mode="r"), 1)
    reader = None
    del passing, watched
    try:
        reader = csv.open_csv(source, read_options=read, parse_options=parse, convert_options=convert)
        yield from reader
        if state.error is not None:
            raise state.error
    except pa.ArrowInvalid:
        if state.error is not None:  # the failed read ended the stream inside a row
            raise state.error from None
        raise
    finally:
        state.stopped = True
        del reader, source
        until = time.monotonic() + WAIT_SECONDS
        while not gone and watch() is not None and time.monotonic() < until:
            time.sleep(0.0005)
        state.error = None  # its traceback refers to this frame


@cache
def _unfinished() -> "weakref.WeakSet[Iterator[pa.RecordBatch]]":
    """Open iterators; those still suspended at exit, such as ones held by a traceback, are closed then."""
    found: weakref.WeakSet[Iterator[pa.RecordBatch]] = weakref.WeakSet()
    atexit.register(_close, found)
    return found


def _close(unfinished: "weakref.WeakSet[Iterator[pa.RecordBatch]]") -> None:
    for batches in list(unfinished):
        batches.close()  # type: ignore[attr-defined]
