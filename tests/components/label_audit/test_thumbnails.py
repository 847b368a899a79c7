"""Thumbnails of the rows with suspected label errors, read from the examples of a split."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.example_encoding import write_examples
from components.label_audit.thumbnails import MAX_THUMBNAILS, issue_thumbnails
from components.shared.images.thumbnails import thumbnail
from tests.components.shared.images.test_thumbnails import content

ROWS = 100


def test_the_images_of_the_rows(tmp_path: Path) -> None:
    images = [None if row % 7 == 0 else content(np.full((6, 6), row)) for row in range(ROWS)]
    split = tmp_path / "Split-train"
    split.mkdir()
    for part in range(2):  # the rows are in two files
        some = slice(50 * part, 50 * part + 50)
        batch = pa.RecordBatch.from_pydict(
            {"photo": pa.array(images[some], pa.binary()), "id": [f"r{row}" for row in range(ROWS)][some]}
        )
        write_examples([batch], str(split / f"data-{part}.gz"))
    issues = [{"row": row, "label": "a", "suggested": "b", "quality": 0.1} for row in (93, 7, 3, *range(10, 90))]
    found = issue_thumbnails(str(split), ["photo"], issues)
    assert [one["row"] for one in found] == [issue["row"] for issue in issues[:MAX_THUMBNAILS]]
    for one in found:
        image = images[one["row"]]
        assert one["images"] == ({} if image is None else {"photo": thumbnail(image)})
        assert (one["label"], one["suggested"]) == ("a", "b")
