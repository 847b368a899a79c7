"""labels.json of this version and of earlier ones."""

import pytest

from components.shared.audited_rows import audited_rows


@pytest.mark.parametrize(
    ("labels", "rows"),
    [({"audited": 5, "judged": 5}, 5), ({"judged": 7}, 7), ({"audited": 0, "judged": 0}, 0), ({"rows": 9}, 0), ({}, 0)],
)
def test_both_names_are_read(labels: dict[str, int], rows: int) -> None:
    assert audited_rows(labels) == rows
