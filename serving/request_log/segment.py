"""An open segment: the file that one process appends frames to."""

import errno
import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from components.shared.files import sync
from serving.request_log.frames import marker_of
from serving.request_log.layout import SUFFIX, Layout, new_segment_id


class Segment:
    """A segment that this process appends to; the lock on its file tells other processes that it is in use.

    After an error the file ends with the last whole frame. The lock is released when the segment is closed or the
    process dies: then any process may seal it.
    """

    def __init__(self, layout: Layout) -> None:
        """Creates a segment.

        Raises:
          OSError: The file cannot be created, or the file system has no locks.
        """
        layout.open.mkdir(parents=True, exist_ok=True)
        while True:
            self.id = new_segment_id()
            self.path: Path = layout.open / f"{self.id}{SUFFIX}"
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
            try:
                if lock(self._descriptor):
                    break
            except OSError:
                self.path.unlink()
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)  # a process that seals took it for one that was left; it deletes it
        sync(layout.open)
        self.marker = marker_of(self.id)
        self.size = 0
        self.frames = 0
        self.is_broken = False

    def append(self, frames: Sequence[bytes]) -> None:
        """Writes frames and flushes them to disk.

        Raises:
          OSError: The disk is full or fails. The file is as before; if that cannot be made sure, `is_broken` is true,
            and nothing more may be appended: its end is torn.
        """
        if not os.fstat(self._descriptor).st_nlink:
            self.is_broken = True
            raise FileNotFoundError(errno.ENOENT, "the open segment was deleted", str(self.path))
        content = memoryview(b"".join(frames))
        end = self.size + len(content)
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
            os.fdatasync(self._descriptor)
        except BaseException:
            self.is_broken = True
            os.ftruncate(self._descriptor, self.size)
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            self.is_broken = False
            raise
        self.size = end
        self.frames += len(frames)

    def close(self) -> None:
        """Closes the file, which releases its lock; deletes it if it has no frames."""
        if self.size == 0:
            with suppress(OSError):
                self.path.unlink()
        with suppress(OSError):
            os.close(self._descriptor)


def lock(descriptor: int) -> bool:
    """Locks an open segment; False if another process has it, or if it was sealed and deleted meanwhile.

    Raises:
      OSError: The file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0
