"""The number of audited rows in a label audit's labels.json, of this and of earlier versions."""

from collections.abc import Mapping
from typing import Any


def audited_rows(labels: Mapping[str, Any]) -> int:
    """Returns the number of rows whose label quality was estimated; 0 if none was.

    Args:
      labels: Content of labels.json; the field is `audited`, and only `judged` in earlier versions.
    """
    return int(labels.get("audited", labels.get("judged")) or 0)
