from pathlib import Path

from pipeline.settings.config import Config
from pipeline.settings.reference_page import examples, page, settings, tables_in

ROOT = Path(__file__).parents[3]


def test_the_page_is_the_one_that_the_code_generates() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page(), "run `make reference`"


def test_the_examples_are_legal_together() -> None:
    config = Config(path=Path("schemas/loans/pipeline.toml"), **examples())
    assert config.beam.dataflow.max_workers == 20


def test_every_key_of_every_table_is_on_the_page_with_its_meaning() -> None:
    rows = {}
    for section in page().split("\n## `")[1:]:
        name = section.split("`")[0].strip("[]")
        for line in section.splitlines():
            if line.startswith("| `"):
                cells = [cell.strip() for cell in line.replace("\\|", "/").strip("|").split("|")]
                rows[name, cells[0].strip("`")] = cells
    expected = set()

    def walk(model: type, place: str) -> None:
        below = {key.removesuffix("[]").removesuffix(".<name>"): table for key, table in tables_in(model)}
        expected.update((place, name) for name in settings(model) if name not in below)
        for key, table in tables_in(model):
            walk(table, f"{place}.{key.removesuffix('[]')}".strip("."))

    walk(Config, "")
    assert rows.keys() == expected
    without_meaning = [f"[{place}] {key}" for (place, key), cells in rows.items() if not cells[3]]
    assert not without_meaning


def test_bounds_and_defaults_are_told() -> None:
    told = page()
    assert "| `eval_share` | number > 0, < 1 | `0.2` |" in told
    assert "| `label` | text | none; required |" in told
    assert "| `seed` | integer ≥ 0, < 4294967296 | `13` |" in told
