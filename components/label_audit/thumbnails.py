"""Thumbnails of the rows with suspected label errors, for the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.examples.example_reading import example_batches, first_values
from components.shared.images.thumbnails import thumbnail

FILE = "thumbnails.json"
MAX_THUMBNAILS = 60
"""Maximum number of rows with thumbnails, those of the lowest label quality."""


def issue_thumbnails(
    split_uri: str, columns: Sequence[str], issues: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the issues of lowest quality with their images.

    Args:
      split_uri: Folder of the examples of the split that was audited.
      columns: Image columns.
      issues: Fields of `LabelIssue`, lowest quality first.

    Returns:
      The fields of the first MAX_THUMBNAILS issues, each with `images`: column -> data URI, without missing images.
    """
    chosen = {int(issue["row"]): {**issue, "images": {}} for issue in issues[:MAX_THUMBNAILS]}
    row = 0
    for batch in example_batches(split_uri, columns):
        for at in sorted(at for at in chosen if row <= at < row + batch.num_rows):
            for column in columns:
                content = first_values(batch, column)[at - row].as_py()
                if content:
                    chosen[at]["images"][column] = thumbnail(content)
        row += batch.num_rows
    return list(chosen.values())
