"""Data fingerprints: SHA-256 over the checksums of the spans' files and of the corrections."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from pyarrow import fs

from components.table_reading.spans import SpanFile

CHUNK = 1 << 20


def file_sha256(filesystem: fs.FileSystem, path: str) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with filesystem.open_input_stream(path, compression=None) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def parts_sha256(filesystem: fs.FileSystem, file: SpanFile) -> str:
    """SHA-256 of a span with several files: over their bytes and partition values, independent of paths."""
    found = [[list(part.values), file_sha256(filesystem, part.path)] for part in file.parts]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def data_fingerprint(splits: Mapping[str, Sequence[tuple[int, str]]], corrections: str = "") -> str:
    """Fingerprint of a run's data.

    Args:
      splits: Split name -> (span number, SHA-256 of its file), oldest first.
      corrections: SHA-256 of the corrections file; "" if there is none.

    Returns:
      SHA-256 of the arguments as JSON, in hexadecimal; independent of the machine and of paths.
    """
    listed: dict[str, object] = {split: [list(file) for file in files] for split, files in splits.items()}
    if corrections:
        listed["corrections"] = corrections
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
