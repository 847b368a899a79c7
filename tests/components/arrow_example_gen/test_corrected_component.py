"""Corrections in the component: examples, properties of the artifact, fingerprint."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from components.arrow_example_gen.conversion import ConversionResult
from components.arrow_example_gen.corrections_file import Correction, corrections_csv
from components.arrow_example_gen.source import Source
from components.shared.errors import InputError
from components.shared.examples.example_reading import read_examples
from components.table_reading.read_options import ReadOptions
from tests.components.arrow_example_gen.generating import generate

pytestmark = pytest.mark.slow

COLUMNS = {"id": "string", "x": "float64", "y": "int64"}


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Spans 1 to 3 of 20 rows; one row of each is corrected, one of span 3 dropped."""
    for span in (1, 2, 3):
        rows = range(20)
        table = pd.DataFrame({"id": [f"s{span}r{n}" for n in rows], "x": [n / 4 for n in rows], "y": [0, 1] * 10})
        table.to_csv(tmp_path / f"span-{span}.csv", index=False)
    path = tmp_path / "corrections.csv"
    wanted = [("s1r0", "y", "1"), ("s2r0", "x", "9"), ("s3r0", "y", "1"), ("s3r1", "", "drop")]
    path.write_text(corrections_csv(Correction(*cells, "", "ann", "2026-11-21") for cells in wanted))
    return Source(str(tmp_path), "span-{span}.csv", COLUMNS, "y", ["id"], 2, 0.3, ReadOptions(), str(path))


def rows(output: Path, split: str) -> dict[str, tuple]:
    table = read_examples(str(output / f"Split-{split}"), list(COLUMNS))
    return {row.id: (row.x, row.y) for row in table.itertuples()}


def test_corrected_examples_and_properties(source: Source, tmp_path: Path) -> None:
    examples = generate(source, tmp_path / "out")
    train, evaluation = rows(tmp_path / "out", "train"), rows(tmp_path / "out", "eval")
    assert (train["s1r0"], train["s2r0"], train["s1r1"]) == ((0.0, 1), (9.0, 0), (0.25, 1))
    assert (len(train), len(evaluation), evaluation["s3r0"]) == (40, 19, (0.0, 1))
    content = Path(source.corrections).read_bytes()
    assert json.loads(examples.get_string_custom_property("corrections")) == [
        {
            "name": source.corrections,
            "sha256": hashlib.sha256(content).hexdigest(),
            "rows": 4,
            "dropped": 1,
            "relabelled": 2,
            "changed": 1,
        }
    ]
    assert (tmp_path / "out" / "corrections.csv").read_bytes() == content


def test_corrections_change_the_fingerprint(source: Source, tmp_path: Path) -> None:
    def fingerprint(described: Source, name: str) -> str:
        return generate(described, tmp_path / name).get_string_custom_property("data_fingerprint")

    with_them, without = fingerprint(source, "with"), fingerprint(replace(source, corrections=""), "without")
    assert with_them != without
    path = Path(source.corrections)
    path.write_text(path.read_text().replace("s3r1", "s3r2"))
    with pytest.raises(InputError, match="a file changed while the run was reading it"):
        generate(source, tmp_path / "changed", fingerprint=with_them)
    assert fingerprint(replace(source), "other") not in (with_them, without)


def test_without_corrections_nothing_is_recorded(source: Source, tmp_path: Path) -> None:
    examples = generate(replace(source, corrections=""), tmp_path / "out")
    assert examples.get_string_custom_property("corrections") == "[]"
    assert not (tmp_path / "out" / "corrections.csv").exists()


def test_source_and_result_survive_json(source: Source) -> None:
    assert Source.from_json(source.to_json()).corrected.ids == source.corrected.ids
    done = ConversionResult("eval", 3, "f", "0", 1, 19, 0, {"0": 9}, (), {"dropped": 1, "relabelled": 1, "changed": 0})
    assert ConversionResult.from_json(done.to_json()) == done
