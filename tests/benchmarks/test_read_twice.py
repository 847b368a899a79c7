from pathlib import Path

from benchmarks.read_twice import measure


def test_the_window_is_read_and_every_part_measured(project: Path):
    found = measure("data/flights")
    files = sorted((project / "data" / "flights").glob("span-*.csv"))
    assert (found["files"], found["rows"]) == (4, 4000)
    assert found["bytes"] == sum(file.stat().st_size for file in files)
    assert all(found[part] > 0 for part in ("preflight", "reading", "ingest"))
