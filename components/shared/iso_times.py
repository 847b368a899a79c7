"""Times in ISO 8601 on all supported versions of Python."""

from datetime import datetime


def time_of_iso(text: str) -> datetime:
    """Reads a time as datetime.fromisoformat does from Python 3.11 on, where `Z` is UTC; 3.10 refuses it.

    Raises:
      ValueError: The text is no time in ISO 8601.
    """
    return datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
