"""Frames: how record batches stand in an open segment, so that a torn or damaged segment can be read.

A segment is a sequence of frames. Each is self-contained:

    marker    8 bytes   BLAKE2b of the segment id; unknown to clients, so no logged value can contain a frame
    length    uint64    bytes of the payload
    sequence  uint32    0, 1, 2, …: a gap is a damaged frame
    rows      uint32    rows in the payload
    checksum  8 bytes   BLAKE2b of marker, length, sequence, rows and payload
    payload             an Arrow IPC stream with one schema and any number of batches

Integers are little-endian. A reader skips from a damaged frame to the next marker whose frame has a right checksum.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from serving.request_log.records import SCHEMA_VERSION, check_schema_version

_HEADER = struct.Struct("<8sQII8s")
_SIGNED = struct.Struct("<8sQII")
_METADATA = b"request_log"


def marker_of(segment: str) -> bytes:
    """Marker of the frames of a segment."""
    return blake2b(segment.encode(), digest_size=8).digest()


def frame(
    marker: bytes, sequence: int, schema: pa.Schema, batches: Sequence[pa.RecordBatch], counts: Mapping[str, int]
) -> bytes:
    """Returns a frame.

    Args:
      marker: Marker of the segment.
      sequence: Position of the frame in the segment.
      schema: Schema of the batches.
      batches: Batches with this schema; may be none.
      counts: Reason -> number of rows that were not logged since the last frame.
    """
    about = json.dumps({"schema_version": SCHEMA_VERSION, "not_logged": dict(counts)}).encode()
    described = schema.with_metadata({_METADATA: about})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, described) as writer:
        for batch in batches:
            writer.write_batch(batch.replace_schema_metadata({_METADATA: about}))
    payload = sink.getvalue()
    signed = _SIGNED.pack(marker, len(payload), sequence, sum(batch.num_rows for batch in batches))
    return b"".join((signed, _checksum(signed, payload), payload))


def _checksum(signed: bytes, payload: Any) -> bytes:
    digest = blake2b(signed, digest_size=8)
    digest.update(payload)
    return digest.digest()


@dataclass(frozen=True)
class Frame:
    """An undamaged frame: its position in the segment, its payload (a view of the buffer) and its rows."""

    offset: int
    end: int
    sequence: int
    rows: int
    payload: memoryview

    def batches(self) -> list[pa.RecordBatch]:
        """Its record batches; their memory is the segment's. InputError if a newer version of Plumbline wrote them."""
        with pa.ipc.open_stream(pa.py_buffer(self.payload)) as reader:
            about = (reader.schema.metadata or {}).get(_METADATA)
            check_schema_version("an open segment", json.loads(about)["schema_version"] if about else 1)
            return [batch.replace_schema_metadata(None) for batch in reader]

    def not_logged(self) -> dict[str, int]:
        """Reason -> number of rows that were not logged since the frame before."""
        with pa.ipc.open_stream(pa.py_buffer(self.payload)) as reader:
            counts: dict[str, int] = json.loads(reader.schema.metadata[_METADATA])["not_logged"]
            return counts


@dataclass
class Scan:
    """What the frames of a segment are, and what cannot be read of it.

    `damaged_frames` follows from gaps of the sequence; `damaged_bytes` were skipped; `torn_bytes` at the end belong to
    a frame that a killed process did not finish, whose rows were never acknowledged.
    """

    frames: list[Frame] = field(default_factory=list)
    damaged_frames: int = 0
    damaged_bytes: int = 0
    torn_bytes: int = 0

    @property
    def rows(self) -> int:
        """Rows of the undamaged frames."""
        return sum(frame.rows for frame in self.frames)

    def not_logged(self) -> dict[str, int]:
        """Reason -> number of rows that were not logged."""
        total: dict[str, int] = {}
        for one in self.frames:
            for reason, count in one.not_logged().items():
                total[reason] = total.get(reason, 0) + count
        return total


def scan(content: bytes, segment: str) -> Scan:
    """Finds the undamaged frames of a segment.

    Args:
      content: Bytes of the segment.
      segment: Its id.
    """
    marker = marker_of(segment)
    found = Scan()
    view = memoryview(content)
    offset, skipped_from, expected = 0, -1, 0
    while offset < len(view):
        one = _frame_at(view, offset, marker, expected)
        if one is None:
            skipped_from = offset if skipped_from < 0 else skipped_from
            offset = _find(content, marker, offset + 1)
            continue
        if skipped_from >= 0:
            found.damaged_bytes += offset - skipped_from
            skipped_from = -1
        found.damaged_frames += one.sequence - expected
        expected = one.sequence + 1
        found.frames.append(one)
        offset = one.end
    if skipped_from >= 0:
        if _is_torn(view, skipped_from, marker):
            found.torn_bytes = len(view) - skipped_from
        else:
            found.damaged_bytes += len(view) - skipped_from
            found.damaged_frames += 1  # at least
    return found


def _frame_at(view: memoryview, offset: int, marker: bytes, expected: int) -> Frame | None:
    if offset + _HEADER.size > len(view):
        return None
    found, length, sequence, rows, checksum = _HEADER.unpack_from(view, offset)
    start = offset + _HEADER.size
    if found != marker or sequence < expected or length > len(view) - start:
        return None
    payload = view[start : start + length]
    if _checksum(bytes(view[offset : offset + _SIGNED.size]), payload) != checksum:
        return None
    return Frame(offset, start + length, sequence, rows, payload)


def _find(content: bytes, marker: bytes, start: int) -> int:
    at = content.find(marker, start)
    return at if at >= 0 else len(content)


def _is_torn(view: memoryview, offset: int, marker: bytes) -> bool:
    """Whether a frame begins here that the end of the segment cuts, or the file system left zeros after a crash."""
    rest = view[offset:]
    if len(rest) < _HEADER.size:
        return marker.startswith(bytes(rest[: len(marker)])) or not any(rest)
    found, length, *_ = _HEADER.unpack_from(rest)
    return (found == marker and length > len(rest) - _HEADER.size) or not any(bytes(rest))
