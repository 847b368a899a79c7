"""Times in ISO 8601, on Python 3.10 as on later versions."""

from datetime import datetime, timedelta, timezone

import pytest

from components.shared.iso_times import time_of_iso


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-29T12:00:00Z", datetime(2026, 11, 29, 12, tzinfo=timezone.utc)),
        ("2026-11-29T12:00:00.250000+01:00", datetime(2026, 11, 29, 12, 0, 0, 250_000, timezone(timedelta(hours=1)))),
        ("2026-11-29T12:00:00", datetime(2026, 11, 29, 12)),
    ],
)
def test_offsets(text, expected):
    assert time_of_iso(text) == expected


@pytest.mark.parametrize("text", ["", "Z", "noon", "2026-13-01T00:00:00Z"])
def test_other_texts(text):
    with pytest.raises(ValueError, match="nvalid isoformat|month"):
        time_of_iso(text)
