"""Opens the table in a CSV file as UTF-8: decompresses, transcodes, and removes lines around it."""

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
    """Opens a stream from the header of a CSV file to its last row, as UTF-8.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file, which may be compressed.
      options: Read options: encoding, header row, comments, footer, limits.
    """
    with Unpacked(filesystem, file, options.limits) as unpacked:
        yield table_of(unpacked, file.name, options)


def table_of(stream: Readable, name: str, options: ReadOptions) -> Readable:
    """Restricts a stream to the table, as UTF-8.

    Args:
      stream: The uncompressed bytes of the file.
      name: Name of the file, for messages.
      options: Read options: encoding, header row, comments, footer, limits.
    """
    if (encoding := encoding_name(options.encoding)) != UTF8:
        stream = Transcoded(stream, name, encoding)
    if options.header_row > 1:
        stream = WithoutTop(stream, name, options.header_row - 1, options.limits.max_header_bytes)
    if options.comment:
        stream = WithoutComments(stream, options.comment)
    if options.skip_footer:
        stream = WithoutFooter(stream, name, options.skip_footer, options.delimiter)
    return stream
