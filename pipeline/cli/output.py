"""Prints what a command found."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.shared.texts.escaping import for_a_terminal


def print_found(parsed: argparse.Namespace, to_json: Callable[[], Any], to_text: Callable[[], str]) -> None:
    """Prints one JSON object with --json, else the text."""
    print(json.dumps(to_json(), allow_nan=False) if parsed.json else to_text())


def print_record(parsed: argparse.Namespace, record: Any) -> None:
    """Prints a record that has `to_json` and `to_text`; its texts are escaped for the terminal."""
    print_found(parsed, record.to_json, lambda: str(for_a_terminal(record).to_text()))


def print_report_path(parsed: argparse.Namespace, path: Path) -> None:
    """Prints where a report was written."""
    print_found(parsed, lambda: {"report": str(path)}, lambda: str(path))
