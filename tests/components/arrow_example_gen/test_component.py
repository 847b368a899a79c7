"""The component: properties of the artifact, and equal output of local and distributed execution."""

import json
from pathlib import Path

import pandas as pd
import pytest

from components.arrow_example_gen.source import Source
from components.shared.errors import InputError
from components.shared.examples.example_reading import read_examples
from components.table_reading.read_options import ReadOptions
from tests.components.arrow_example_gen.generating import IMAGE, generate

pytestmark = pytest.mark.slow

# Beam's job server in this process, with workers behind the portability API as on a cluster.
ELSEWHERE = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK", IMAGE]
COLUMNS = {"id": "string", "n": "int64", "x": "float64", "y": "int64"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    spans = tmp_path / "spans"
    spans.mkdir()
    for span in range(1, 5):
        rows = range(span * 100, span * 100 + 50)
        table = pd.DataFrame({"id": [f"r{n}" for n in rows], "n": rows, "x": [n / 8 for n in rows]})
        table["y"] = [n % 2 if n % 10 else None for n in rows]
        table.astype({"y": "Int64"}).to_csv(spans / f"span-{span}.csv", index=False)
    return spans


def source(folder: Path, pattern: str = "span-{span}.csv") -> Source:
    return Source(str(folder), pattern, COLUMNS, "y", ["id"], 2, 0.3, ReadOptions())


def properties(examples: object) -> dict[str, object]:
    return {
        name: json.loads(examples.get_string_custom_property(name)) for name in ("spans", "rows", "unlabelled", "files")
    }


def rows(output: Path) -> dict[str, list]:
    return {
        split: read_examples(str(output / f"Split-{split}"), list(COLUMNS)).values.tolist()
        for split in ("train", "eval")
    }


def test_window_of_spans(folder: Path, tmp_path: Path) -> None:
    examples = generate(source(folder), tmp_path / "out")
    found = properties(examples)
    assert found["spans"] == {"train": [2, 3], "eval": [4]}
    assert found["rows"] == {"train": 90, "eval": 45}  # every tenth row has no label
    assert found["unlabelled"] == {"train": 10, "eval": 5}
    assert [file["span"] for file in found["files"]] == [2, 3, 4]
    assert examples.span == 4
    assert json.loads(examples.split_names) == ["train", "eval"]
    train = rows(tmp_path / "out")["train"]
    assert train[0] == ["r201", 201, 201 / 8, 1]
    assert [row[1] for row in train] == sorted(row[1] for row in train)


def test_window_parameter_overrides_the_source(folder: Path, tmp_path: Path) -> None:
    examples = generate(source(folder), tmp_path / "out", window=1)
    assert properties(examples)["spans"] == {"train": [3], "eval": [4]}


@pytest.mark.parametrize("pattern", ["span-{span}.csv", "span-1.csv"])
def test_distributed_workers_give_the_same_output(folder: Path, tmp_path: Path, pattern: str) -> None:
    here = generate(source(folder, pattern), tmp_path / "here")
    elsewhere = generate(source(folder, pattern), tmp_path / "elsewhere", ELSEWHERE)
    assert properties(here) == properties(elsewhere)
    assert rows(tmp_path / "here") == rows(tmp_path / "elsewhere")
    assert here.get_string_custom_property("data_fingerprint") == elsewhere.get_string_custom_property(
        "data_fingerprint"
    )
    files = [
        sorted(str(p.relative_to(top)) for p in top.rglob("*.*") if "columns" not in p.parts)
        for top in (tmp_path / "here", tmp_path / "elsewhere")
    ]
    assert files[0] == files[1]  # no temporary file remains beside the splits


def test_input_error_of_a_worker_is_raised_locally(folder: Path, tmp_path: Path) -> None:
    """The message is unchanged, and Beam does not retry as for a failure of the worker."""
    path = folder / "span-3.csv"
    path.write_text(path.read_text().replace("r305,305,", "r305,many,"))
    with pytest.raises(InputError, match=r"span-3.csv.*'many'"):
        generate(source(folder), tmp_path / "out", ELSEWHERE)
    # Partial output never has the name of a split's file, and is deleted.
    left = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert all(name.startswith("data_tfrecord-") for name in left)


def test_temporary_folder_is_clean_afterwards(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    generate(source(folder), tmp_path / "out")
    assert list(temporary.iterdir()) == []


def test_single_file_is_split_without_loss_or_overlap(folder: Path, tmp_path: Path) -> None:
    generate(source(folder, "span-1.csv"), tmp_path / "out")
    found = rows(tmp_path / "out")
    train, evaluation = ({row[0] for row in found[split]} for split in ("train", "eval"))
    assert not train & evaluation
    assert len(train) + len(evaluation) == 45
    assert 5 <= len(evaluation) <= 23


def test_changed_file_is_noticed(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="changed while the run was reading it"):
        generate(source(folder), tmp_path / "out", fingerprint="0" * 64)


def test_split_with_one_label_value_is_refused(folder: Path, tmp_path: Path) -> None:
    last = folder / "span-4.csv"
    table = pd.read_csv(last)
    table.assign(y=1).to_csv(last, index=False)
    with pytest.raises(InputError, match="label column 'y' is '?1'? in all 50 rows of split eval"):
        generate(source(folder), tmp_path / "out")


def test_fingerprint_depends_on_the_split_settings(folder: Path, tmp_path: Path) -> None:
    one, other = (
        source(folder, "span-1.csv"),
        Source(str(folder), "span-1.csv", COLUMNS, "y", ["id"], 2, 0.4, ReadOptions()),
    )
    prints = {
        generate(described, tmp_path / str(number)).get_string_custom_property("data_fingerprint")
        for number, described in enumerate((one, one, other))
    }
    assert len(prints) == 2
