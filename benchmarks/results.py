"""Output of benchmark results: one JSON object as the last line on stdout and, optionally, in a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.files import write_text


def keep(result: Mapping[str, Any], file: Path | None) -> None:
    """Writes the result to a file and creates its folder if necessary; does nothing if no file is named."""
    if file:
        write_text(file, json.dumps(result, indent=2) + "\n")


def print_result(result: Mapping[str, Any], file: Path | None) -> None:
    """Keeps the result and prints it on stdout as one line."""
    keep(result, file)
    print(json.dumps(result))
