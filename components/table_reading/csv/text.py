"""The table in a CSV file as UTF-8 text, whatever its encoding and whatever stands above and below it."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyarrow import fs

from components.table_reading.csv.lines import WithoutComments, WithoutFooter, WithoutTop
from components.table_reading.csv.stream import Readable
from components.table_reading.csv.transcoding import UTF8, Transcoded, encoding_name
from components.table_reading.formats.decompression import Unpacked
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile


@contextmanager
def open_text(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> Iterator[Readable]:
    """A stream from the header of a CSV file to its last row; the file as it is, where no setting says otherwise."""
    with Unpacked(filesystem, file, options.limits) as unpacked:
        yield table_of(unpacked, file.name, options)


def table_of(stream: Readable, name: str, options: ReadOptions) -> Readable:
    """The part of a file's bytes that is its table, as UTF-8."""
    if (encoding := encoding_name(options.encoding)) != UTF8:
        stream = Transcoded(stream, name, encoding)
    if options.header_row > 1:
        stream = WithoutTop(stream, name, options.header_row - 1, options.limits.max_header_bytes)
    if options.comment:
        stream = WithoutComments(stream, options.comment)
    if options.skip_footer:
        stream = WithoutFooter(stream, name, options.skip_footer, options.delimiter)
    return stream
