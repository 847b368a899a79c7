"""PNG files of a made data set: encoding, folders that are replaced as a whole, and their digests."""

import hashlib
import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from components.shared.files import folder_beside


def encode_png(pixels: np.ndarray) -> bytes:
    """Returns an 8-bit greyscale PNG file.

    Args:
      pixels: (height, width), uint8; 0 is black.

    Raises:
      ValueError: The array has another type or number of dimensions.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 2:
        raise ValueError(f"8-bit greyscale is uint8 of 2 dimensions, not {pixels.dtype} of {pixels.ndim}")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def replace_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Replaces a folder by one that holds only these files; an interrupted call leaves no folder with a part of them.

    The files are written to a temporary folder beside it, which is renamed. They are not flushed to disk one by one,
    which takes longer than making them: the digest in the manifest tells files that a power failure cut short.

    Args:
      folder: Its parents are created.
      files: Relative paths with ``/``, and contents.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder_beside(folder) as new:
        for name, content in files:
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        new.chmod(0o755)  # mkdtemp's 0700 would deny access to other users
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(new, folder)


def folder_digest(folder: Path) -> tuple[int, int, str]:
    """Returns the number of files below a folder, their bytes, and a SHA-256 over their sorted paths and contents.

    Raises:
      OSError: The folder is missing, or a file cannot be read.
    """
    count, size, digest = 0, 0, hashlib.sha256()
    if not folder.is_dir():
        raise FileNotFoundError(2, "No such folder", str(folder))
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
        count, size = count + 1, size + len(content)
    return count, size, digest.hexdigest()
