"""Spelling variants become canonical values while rows are read."""

from dataclasses import replace
from pathlib import Path

from components.arrow_example_gen.source import Source
from components.table_reading.read_options import ReadOptions

COLUMNS = {"id": "int64", "plan": "string", "left": "string"}
SPELT = {"left": {"yes": "Yes", " No ": "No"}}


def source_of(folder: Path, options: ReadOptions) -> Source:
    rows = "".join(f"{row},pro,{('Yes', 'yes', 'No', ' No ')[row % 4]}\n" for row in range(40))
    (folder / "sales.csv").write_text(f"id,plan,left\n{rows}", encoding="utf-8")
    return Source(str(folder), "sales.csv", COLUMNS, "left", (), 1, 0.3, options)


def labels(source: Source) -> dict[str, list]:
    (file,) = source.files().eval
    return {
        split: [label for batch in source.read(file, split) for label in batch["left"].to_pylist()]
        for split in ("train", "eval")
    }


def test_spelling_variants_become_canonical_values(tmp_path: Path) -> None:
    found = labels(source_of(tmp_path, ReadOptions(spellings=SPELT)))
    assert set(found["train"]) == set(found["eval"]) == {"Yes", "No"}
    assert sum(map(len, found.values())) == 40


def test_source_with_spellings_survives_json(tmp_path: Path) -> None:
    source = source_of(tmp_path, ReadOptions(spellings=SPELT))
    assert Source.from_json(source.to_json()).options == source.options


def test_spellings_change_the_fingerprint(tmp_path: Path) -> None:
    source = source_of(tmp_path, ReadOptions())
    mapped = replace(source, options=ReadOptions(spellings=SPELT))
    assert source.digest("0", "train") != mapped.digest("0", "train")
    assert "values" not in source.digest("0", "train")


def test_corrected_labels_become_canonical_values(tmp_path: Path) -> None:
    source = replace(source_of(tmp_path, ReadOptions(spellings=SPELT)), ids=("id",))
    (tmp_path / "corrections.csv").write_text("id,field,value,reason,by,when\n0,left,yes,seen,me,2026-01-01\n", "utf-8")
    corrected = replace(source, corrections=str(tmp_path / "corrections.csv"))
    assert sorted(labels(corrected)["train"] + labels(corrected)["eval"]) == sorted(
        labels(source)["train"] + labels(source)["eval"]
    )
