"""Flipped bytes in segments and files, several processes at one log, sealing by several at once."""

import shutil
import threading
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.errors import PlumblineWarning
from serving.request_log.frames import marker_of, scan
from serving.request_log.layout import Layout
from serving.request_log.records import Records
from serving.request_log.sealing import seal_segments
from serving.request_log.settings import LogSettings
from serving.request_log.status import log_status
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import NOON, ids, request


@pytest.fixture(scope="module")
def segment(tmp_path_factory) -> Path:
    """An open segment with eight frames, each of a request with two rows."""
    folder = tmp_path_factory.mktemp("log")
    writer = RequestLogWriter(folder, LogSettings(synchronous=True))
    for number in range(8):
        assert writer.append(request(str(number), 2)).result(60)
    (path,) = folder.glob("open/*")
    kept = tmp_path_factory.mktemp("kept") / path.name
    shutil.copy(path, kept)
    writer.close()
    return kept


def put(segment: Path, folder: Path, content: bytes) -> Layout:
    (folder / "open").mkdir(parents=True)
    (folder / "open" / segment.name).write_bytes(content)
    return Layout(folder)


def test_a_flipped_byte_costs_one_frame(segment: Path, tmp_path: Path):
    content = bytearray(segment.read_bytes())
    whole = scan(bytes(content), segment.stem)
    assert (len(whole.frames), whole.damaged_frames, whole.torn_bytes) == (8, 0, 0)
    content[whole.frames[3].offset + 500] ^= 1
    layout = put(segment, tmp_path, bytes(content))
    expected = [(str(number), row) for number in range(8) if number != 3 for row in (0, 1)]
    with pytest.warns(PlumblineWarning, match=r"\(1 frames\) are damaged, and their rows are left out"):
        assert ids(tmp_path) == expected
    (sealed,) = seal_segments(layout)
    assert (sealed.rows, sealed.damaged_frames, sealed.torn_bytes) == (14, 1, 0)
    assert sealed.damaged_bytes == whole.frames[3].end - whole.frames[3].offset
    assert ids(tmp_path) == expected
    assert (tmp_path / "damaged" / segment.name).read_bytes() == bytes(content)
    assert log_status(tmp_path).damaged_frames == 1
    assert seal_segments(layout) == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_makes_up_rows(segment: Path, data: st.DataObject):
    """Bytes that are changed, removed or added: what is found is what was written, and each frame once."""
    content = segment.read_bytes()
    written = {frame.sequence: bytes(frame.payload) for frame in scan(content, segment.stem).frames}
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, 3000))
    new = data.draw(st.binary(max_size=50) | st.just(marker_of(segment.stem)) | st.just(content[:2500]))
    changed = content[:start] + new + content[start + length :]
    found = scan(changed, segment.stem)
    sequences = [frame.sequence for frame in found.frames]
    assert sequences == sorted(set(sequences))
    assert all(bytes(frame.payload) == written[frame.sequence] for frame in found.frames)
    assert sum(len(frame.payload) + 32 for frame in found.frames) + found.damaged_bytes + found.torn_bytes == len(
        changed
    )
    if len(sequences) < 8 and not found.torn_bytes and found.frames and sequences[-1] == 7:
        assert found.damaged_frames == 8 - len(sequences)


def test_a_logged_value_cannot_contain_a_frame(segment: Path, tmp_path: Path):
    """A client that sends a frame as a value, of a segment that it could read, adds no rows."""
    writer = RequestLogWriter(tmp_path, LogSettings(synchronous=True))
    sent = np.array([segment.read_bytes()], object)
    assert writer.append(Records("flights", 3, "live", "one", NOON, 0.1, features={"x": sent})).result(60)
    (path,) = tmp_path.glob("open/*")
    content = bytearray(path.read_bytes())
    writer.close()
    assert len(scan(bytes(content), path.stem).frames) == 1
    content[0] ^= 1  # the reader looks for the next frame inside the payload
    assert scan(bytes(content), path.stem).frames == []


@pytest.mark.parametrize("cut", [0, 1, 7, 31, 32, 500, -1])
def test_a_torn_end_is_no_damage(segment: Path, tmp_path: Path, cut: int):
    content = segment.read_bytes()
    last = scan(content, segment.stem).frames[-1]
    layout = put(segment, tmp_path, content[: last.offset + cut] if cut >= 0 else content[:-1])
    assert ids(tmp_path) == [(str(number), row) for number in range(7) for row in (0, 1)]
    (sealed,) = seal_segments(layout)
    assert (sealed.rows, sealed.damaged_frames) == (14, 0)
    assert sealed.torn_bytes == (cut if cut >= 0 else last.end - last.offset - 1)
    assert not list(tmp_path.glob("damaged/*"))


def test_segments_with_nothing_in_them(segment: Path, tmp_path: Path):
    for number, content in enumerate([b"", b"\0" * 5000, b"no segment"]):
        put(segment, tmp_path / str(number), content)
        with pytest.warns(PlumblineWarning) if content.strip(b"\0") else nullcontext():
            assert ids(tmp_path / str(number)) == []
        (sealed,) = seal_segments(Layout(tmp_path / str(number)))
        assert (sealed.rows, sealed.files) == (0, [])


def test_a_damaged_sealed_file_is_reported_and_the_others_are_read(segment: Path, tmp_path: Path):
    for name in ("a", "b"):
        writer = RequestLogWriter(tmp_path, LogSettings())
        writer.append(request(name))
        writer.close()
    first = sorted(tmp_path.glob("hour=*/*/*.parquet"))[0]
    first.write_bytes(first.read_bytes()[:-20])
    with pytest.warns(PlumblineWarning, match=rf"{first.name}: is damaged \(.*\); its rows are left out"):
        assert len(ids(tmp_path)) == 1


def test_two_writers_and_a_reader_at_once(tmp_path: Path):
    writers = [RequestLogWriter(tmp_path, LogSettings(segment_bytes=20_000, every_rows=10)) for _ in range(2)]
    for number in range(300):
        for letter, writer in zip("ab", writers, strict=True):
            writer.append(request(f"{letter}{number}"))
        if number % 50 == 0:
            found = ids(tmp_path)
            assert len(found) == len(set(found))
    for writer in writers:
        writer.close()
    assert ids(tmp_path) == sorted((f"{letter}{number}", 0) for letter in "ab" for number in range(300))


@pytest.mark.parametrize("damage", [b"", b"x" * 100])
def test_sealing_by_several_at_once_and_again(segment: Path, tmp_path: Path, damage: bytes):
    layout = put(segment, tmp_path, damage + segment.read_bytes())
    sealed: list[int] = []
    threads = [
        threading.Thread(target=lambda: sealed.extend(one.rows for one in seal_segments(layout))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sealed == [16]
    assert len(ids(tmp_path)) == 16
    # A process was killed before it deleted the segment: what is sealed again replaces what was sealed.
    before = {path: path.stat().st_ino for path in tmp_path.glob("hour=*/*/*")}
    (tmp_path / "open" / segment.name).write_bytes(segment.read_bytes())
    assert len(ids(tmp_path)) == 16
    assert len(seal_segments(layout)) == 1
    assert {path: path.stat().st_ino for path in tmp_path.glob("hour=*/*/*")}.keys() == before.keys()
    assert len(ids(tmp_path)) == 16


def test_a_segment_in_use_is_not_sealed(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings(synchronous=True))
    assert writer.append(request("a")).result(60)
    assert seal_segments(Layout(tmp_path)) == []
    assert ids(tmp_path) == [("a", 0)]
    writer.close()
    assert ids(tmp_path) == [("a", 0)]
