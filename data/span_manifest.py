"""spans.json of a made data set: what made it, and its spans with digests, by which a second call does nothing."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.errors import UsageError
from components.shared.files import sha256, write_json

MANIFEST = "spans.json"


def read_manifest(out: Path) -> dict[str, Any]:
    """Returns the content of spans.json; empty if it is missing, damaged or not an object."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def write_manifest(out: Path, origin: Mapping[str, object], spans: list[dict[str, Any]]) -> None:
    """Replaces spans.json: the origin's entries, then ``spans``."""
    write_json(out / MANIFEST, {**origin, "spans": spans})


def check_owner(out: Path, made_by: str) -> None:
    """Refuses a folder whose spans something else wrote, since spans that are not wanted any more are deleted.

    Args:
      out: The folder; it may be missing or empty.
      made_by: The entry ``made_by`` of spans.json that is written before the first span.

    Raises:
      UsageError: The folder holds spans, and spans.json is not of this maker.
    """
    if read_manifest(out).get("made_by") == made_by:
        return
    for path in sorted(out.glob("span-*")):
        raise UsageError(f"{path} is not of {made_by}, as {MANIFEST} says; choose another folder, or delete {out}")


def code_digest(*modules: str) -> str:
    """Returns the SHA-256 of the source of modules of this package, since changed code may write other files."""
    digests = (sha256(Path(__file__).with_name(f"{module}.py")) for module in modules)
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def span_numbers(out: Path, suffix: str = "") -> list[int]:
    """Returns the numbers of the spans that exist in a folder: of ``span-01`` or, with a suffix, of ``span-01.csv``."""
    names = (path.name.removeprefix("span-").removesuffix(suffix) for path in out.glob(f"span-*{suffix}"))
    return sorted(int(name) for name in names if name.isdecimal())


def span_name(span: int) -> str:
    """Returns the name of a span without a suffix, such as ``span-01`` for 1."""
    return f"span-{span:02d}"
