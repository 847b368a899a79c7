"""The image files that the rows of a table name: where they are, what they hold, and whether they changed."""

import hashlib
import os
import posixpath
from collections.abc import Iterable

from pyarrow import fs

from components.shared.images.decoding import ImageError
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.formats.registry import is_image_folder
from components.table_reading.spans import SpanFile


class ImageFiles:
    """Resolves and reads the files that image columns name, and keeps a digest of their contents.

    The digest belongs to the data fingerprint: an image file can change without its table.
    """

    def __init__(self, filesystem: fs.FileSystem | None, directory: str, table: SpanFile) -> None:
        """Prepares reading.

        Args:
          filesystem: Filesystem of the table; None for a database, whose rows hold encoded images only.
          directory: Path of the data folder in the filesystem, outside of which no file is read.
          table: The file of the table.
        """
        self._filesystem, self._root = filesystem, directory
        # A span of several files has no folder of its own; its paths are relative to the data folder.
        self._folder = directory if table.parts else posixpath.dirname(table.path)
        self.are_covered = is_image_folder(table)
        self._local = isinstance(filesystem, fs.LocalFileSystem)
        self._digest = hashlib.sha256()
        self._links: dict[str, bool] = {}
        self.paths: dict[str, None] = {}

    def read(self, path: str) -> bytes:
        """Returns the content of a file.

        Args:
          path: Path relative to the folder of the table.

        Raises:
          ImageError: The path leaves the data folder, or the file is missing or cannot be read.
        """
        where = self.resolve(path)
        try:
            if self._local:
                with open(where, "rb") as file:
                    return file.read()
            assert self._filesystem is not None
            with self._filesystem.open_input_stream(where, compression=None) as stream:
                content: bytes = stream.read()
                return content
        except (FileNotFoundError, NotADirectoryError):
            raise ImageError("no such file") from None
        except IsADirectoryError:
            raise ImageError("is a folder") from None
        except OSError as exc:
            raise ImageError(f"cannot be read ({exc.strerror or shorten(str(exc))})") from exc

    def resolve(self, path: str) -> str:
        """Returns the path in the filesystem; ImageError if it leaves the data folder."""
        if self._filesystem is None:
            raise ImageError("is a path, but rows of a database have to hold the encoded images")
        if "\0" in path:
            raise ImageError("is no path (it holds a NUL)")
        where = posixpath.normpath(posixpath.join(self._folder, path.replace("\\", "/")))
        if not _below(where, posixpath.normpath(self._root or ".")) or (self._local and not self._stays(where)):
            raise ImageError("is outside of the data folder")
        return where

    def _stays(self, where: str) -> bool:
        """Whether the links on a path end inside the data folder; links of a folder are followed once."""
        folder = os.path.dirname(where)
        if folder not in self._links:
            root = os.path.realpath(self._root or ".")
            real = os.path.realpath(folder)
            self._links[folder] = real == root or _below(real, root)
        if os.path.islink(where):
            return _below(os.path.realpath(where), os.path.realpath(self._root or "."))
        return self._links[folder]

    def state(self, paths: Iterable[str] | None = None) -> dict[str, str]:
        """Returns the size and the times of files by path, to notice a change without reading; "" for a missing one.

        Args:
          paths: Paths as in the table; None for those that were noted.
        """
        named = self.paths if paths is None else paths
        return {path: self._state(path) for path in named}

    def _state(self, path: str) -> str:
        try:
            where = self.resolve(path)
            if self._local:
                found = os.stat(where)
                return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
            assert self._filesystem is not None
            info = self._filesystem.get_file_info(where)
            return f"{info.size} {info.mtime_ns}" if info.type == fs.FileType.File else ""
        except (ImageError, OSError):
            return ""

    def note(self, path: str, content: bytes) -> None:
        """Adds a file to the digest; the order of the calls matters.

        The files of an image folder are those of the span, which the digest of the span covers.
        """
        if self.are_covered:
            return
        self.paths[path] = None
        self._digest.update(hashlib.sha256(content).digest())

    def sha256(self, table_sha256: str) -> str:
        """Returns the SHA-256 of the table and of all noted files, in hexadecimal; that of the table without any."""
        if not self.paths:
            return table_sha256
        return hashlib.sha256(f"{table_sha256} {self._digest.hexdigest()}".encode()).hexdigest()


def _below(path: str, folder: str) -> bool:
    return (folder in (".", "") and not path.startswith(("/", ".."))) or path.startswith(f"{folder.rstrip('/')}/")
