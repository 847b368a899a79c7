"""Arrow's streaming CSV reader, so that none of its threads holds anything of Python's once it is closed.

Arrow reads ahead in threads of its own. One that has to take Python's lock while the interpreter ends, be it to read a
Python stream or to let go of one, is ended in the midst of C++ code, which aborts the process: exit status 134 after
the right message. So a stream is stopped and waited for until nothing refers to it any more, however reading ends.
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
"""For a read that is under way; one from a bucket may take that long."""


class _Watched:
    """An object whose end is noticed."""


def csv_batches(
    stream: Readable,
    read: csv.ReadOptions,
    parse: csv.ParseOptions,
    convert: csv.ConvertOptions,
    state: StreamState,
) -> Iterator[pa.RecordBatch]:
    """The record batches of a CSV stream, in order.

    Args:
      stream: Its bytes; is not closed, and not read any more when the iterator is closed or has ended.
      read, parse, convert: As for Arrow's reader.
      state: Of the stream; is filled.

    Raises:
      pa.ArrowInvalid: Arrow refuses the content.
      Exception: What `stream.read` raised.
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
    passing.watched = watched  # type: ignore[attr-defined]  # the last attribute of the stream to go
    # The callback is C code, so that the thread that calls it does not stop in the midst of it for another.
    watch = weakref.ref(watched, gone.append)
    # The buffered stream copies, so that Arrow holds memory of its own instead of Python's bytes; its own buffer is
    # too small to be used, so that blocks stay as they are.
    source = pa.BufferedInputStream(pa.PythonFile(passing, mode="r"), 1)
    reader = None
    del passing, watched
    try:
        reader = csv.open_csv(source, read_options=read, parse_options=parse, convert_options=convert)
        yield from reader
        if state.error is not None:
            raise state.error
    except pa.ArrowInvalid:
        if state.error is not None:  # the stream ended in the midst of a row
            raise state.error from None
        raise
    finally:
        state.stopped = True
        del reader, source
        until = time.monotonic() + WAIT_SECONDS
        while not gone and watch() is not None and time.monotonic() < until:
            time.sleep(0.0005)
        state.error = None  # its traceback holds this frame


@cache
def _unfinished() -> "weakref.WeakSet[Iterator[pa.RecordBatch]]":
    """Iterators that may be suspended; those that a kept traceback holds are closed before the interpreter ends."""
    found: weakref.WeakSet[Iterator[pa.RecordBatch]] = weakref.WeakSet()
    atexit.register(_close, found)
    return found


def _close(unfinished: "weakref.WeakSet[Iterator[pa.RecordBatch]]") -> None:
    for batches in list(unfinished):
        batches.close()  # type: ignore[attr-defined]
