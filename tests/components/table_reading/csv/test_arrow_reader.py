"""Arrow's threads release all Python objects, however reading ends."""

import gc
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv

from components.table_reading.csv.arrow_reader import csv_batches
from components.table_reading.csv.stream import StreamState

BLOCK = 1024


class Source:
    """A stream that records the requested sizes; raises an error after `fails` reads."""

    def __init__(self, content: bytes, fails: int = -1) -> None:
        self.content, self.fails, self.reads = content, fails, 0

    def read(self, size=None):
        self.reads += 1
        if self.reads - 1 == self.fails:
            raise OSError("the disk is gone")
        block, self.content = self.content[:size], self.content[size:]
        return block


def batches(source):
    read = csv.ReadOptions(block_size=BLOCK, use_threads=False)
    parse = csv.ParseOptions(newlines_in_values=True)
    return csv_batches(source, read, parse, csv.ConvertOptions(), StreamState())


def ends(source: Source, read) -> None:
    """Asserts that nothing but the test refers to the source after reading."""
    before = sys.getrefcount(source)
    read(batches(source))
    done = source.reads
    assert sys.getrefcount(source) == before, gc.get_referrers(source)
    assert source.reads == done


ROWS = b"a,b\n" + b"1,2\n" * 20_000


def test_reading_to_the_end_releases_the_stream():
    source = Source(ROWS)
    ends(source, lambda found: None if sum(batch.num_rows for batch in found) == 20_000 else pytest.fail("rows"))


def test_closing_early_releases_the_stream():
    source = Source(ROWS)

    def read(found):
        next(found)
        found.close()

    ends(source, read)
    assert source.content  # Arrow reads ahead, but not to the end


def test_iterator_that_is_never_started():
    ends(Source(ROWS), lambda found: found.close())


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", ROWS + b"1\n", b"a,b\n1,\xff" + b"x" * 5000])
def test_invalid_content_releases_the_stream(content):
    def read(found):
        with pytest.raises(pa.ArrowInvalid):
            list(found)

    ends(Source(content), read)


@pytest.mark.parametrize("fails", [0, 1, 5])
def test_failing_stream(fails):
    """The error of the stream is raised, not Arrow's error for the incomplete row."""

    def read(found):
        with pytest.raises(OSError, match="the disk is gone"):
            list(found)

    ends(Source(b"a,b\n" + b"100,200\n" * 20_000, fails), read)


def test_arrow_receives_the_stream_blocks_unchanged():
    """The buffered stream must not merge blocks, so that none ends with a carriage return."""
    cell = b"x" * 1017 + b"\r\ny"
    table = pa.Table.from_batches(batches(Source(b'a\n"x"\n"' + cell + b'"\n"' + cell + b'"\n' + b"1\n" * 3000)))
    assert table["a"].to_pylist()[1:3] == [cell.decode()] * 2


PROGRAM = """
import sys
from pyarrow import csv
from components.table_reading.csv.arrow_reader import csv_batches
from components.table_reading.csv.stream import StreamState
from tests.components.table_reading.csv.test_arrow_reader import ROWS, batches, Source
found = batches(Source(ROWS * 50))
next(found)
{end}
"""


@pytest.mark.parametrize(("end", "code"), [("", 0), ("raise SystemExit(3)", 3), ("raise ValueError(found)", 1)])
def test_process_exits_cleanly_with_an_open_reader(end, code):
    """The traceback of an uncaught exception refers to the reader until the interpreter exits."""
    pin = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" if sys.platform == "linux" else ""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", pin + PROGRAM.format(end=end)],
            cwd=Path.cwd(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "terminate" not in done.stderr and "Fatal" not in done.stderr
