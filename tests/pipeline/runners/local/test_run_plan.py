from pathlib import Path
from types import SimpleNamespace

from pipeline.runners.local.run_plan import _pinned_schema


def test_a_damaged_copy_of_the_schema_is_written_anew(tmp_path: Path) -> None:
    schema = tmp_path / "schema.pbtxt"
    schema.write_text('feature { name: "a" }\n', encoding="utf-8")
    config = SimpleNamespace(schema_path=schema)
    pinned = Path(_pinned_schema(config, tmp_path / "home"))
    pinned.write_text('feature { name: "b" }\n', encoding="utf-8")
    assert Path(_pinned_schema(config, tmp_path / "home")) == pinned
    assert pinned.read_text(encoding="utf-8") == schema.read_text(encoding="utf-8")
