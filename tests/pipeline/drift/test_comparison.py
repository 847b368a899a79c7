import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.shared.errors import InputError, UsageError
from pipeline.cli import main
from pipeline.drift.comparison import drift

RNG = np.random.default_rng(3)
ROWS = 3000


def table(seed: int, rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(rows)],
            "color": rng.choice(["red", "green", "blue"], rows, p=[0.5, 0.3, 0.2]),
            "height": rng.normal(170, 10, rows).round(2),
            "weight": rng.normal(70, 8, rows).round(2),
            "late": rng.integers(0, 2, rows),
        }
    )


@pytest.fixture
def sides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(1).to_csv("a.csv", index=False)

    def write(frame: pd.DataFrame, name: str = "b.csv") -> tuple[str, str]:
        frame.to_csv(name, index=False) if name.endswith(".csv") else frame.to_parquet(name, index=False)
        return "a.csv", name

    return write


def drifted(comparison) -> set[tuple[str, str]]:
    return {(row.feature, row.measure) for row in comparison.result.rows if row.drifted}


def test_two_samples_of_one_source_do_not_drift(sides):
    found = drift(*sides(table(2)))
    assert drifted(found) == set()
    assert {row.feature for row in found.result.rows} >= {"color", "height", "weight", "late", "(columns)"}
    assert (found.result.baseline_rows, found.result.current_rows) == (ROWS, ROWS)
    assert "no drift" in found.to_text()


def test_only_drifted_columns_are_reported(sides):
    moved = table(2)
    moved["color"] = np.where(moved["color"] == "blue", "teal", moved["color"])
    found = drift(*sides(moved))
    assert {feature for feature, _ in drifted(found)} - {"(columns)"} == {"color"}
    assert {("color", "chebyshev"), ("color", "unseen"), ("color", "vanished")} <= drifted(found)
    assert "'teal'" in found.to_text()


def test_file_formats_give_the_same_result(sides):
    one = drift(*sides(table(2)))
    other = drift(*sides(table(2), "b.parquet"))
    assert [(row.feature, row.measure, row.distance) for row in one.result.rows] == [
        (row.feature, row.measure, row.distance) for row in other.result.rows
    ]


def test_a_folder_stands_for_all_its_files(sides):
    Path("folder").mkdir()
    for seed in (1, 2):
        table(seed).to_csv(f"folder/part-{seed}.csv", index=False)
    found = drift("folder", sides(table(4))[1])
    assert (found.result.baseline_rows, drifted(found)) == (2 * ROWS, set())


def test_a_column_that_one_data_set_lacks(sides):
    found = drift(*sides(table(2).drop(columns="weight").assign(leak=1)))
    rows = {row.feature: row for row in found.result.rows if row.feature in ("weight", "leak")}
    assert {name: (row.measure, row.drifted, row.detail) for name, row in rows.items()} == {
        "weight": ("missing", True, "no column of the current data"),
        "leak": ("missing", True, "no column of the baseline"),
    }


def test_numbers_and_texts_are_compared_as_texts(sides):
    found = drift(*sides(table(2).assign(weight=lambda frame: "about " + frame["weight"].astype(str))))
    assert ("weight", "chebyshev") in {(row.feature, row.measure) for row in found.result.rows}
    assert "weight" in {feature for feature, _ in drifted(found)}


def test_a_shift_in_one_slice(sides):
    moved = table(2)
    blue = moved["color"] == "blue"
    moved.loc[blue & (RNG.random(ROWS) < 0.3), "height"] = np.nan
    found = drift(*sides(moved), slices=["color"])
    slices = {row.slice for row in found.result.rows if row.drifted and row.measure == "missing"}
    assert slices == {"", "color=blue"}


def test_a_schemas_thresholds_and_types(sides):
    Path("schema.pbtxt").write_text(
        'feature { name: "color" type: BYTES drift_comparator { infinity_norm { threshold: 0.9 } } }\n'
        'feature { name: "late" type: INT int_domain { is_categorical: true } }\n'
    )
    moved = table(2)
    moved["color"] = np.where(moved["color"] == "blue", "red", moved["color"])
    found = drift(*sides(moved), schema=Path("schema.pbtxt"))
    rows = {(row.feature, row.measure): row for row in found.result.rows if not row.slice}
    assert (rows["color", "chebyshev"].effect, rows["color", "chebyshev"].drifted) == (0.9, False)
    assert ("late", "chebyshev") in rows


def test_duplicate_rows(sides):
    moved = table(2)
    found = drift(*sides(pd.concat([moved, moved.head(60)])))
    assert ("(rows)", "repeated") in drifted(found)


def test_statistics_files_of_tfdv(tmp_path):
    tfdv = pytest.importorskip("tensorflow_data_validation")
    shifted = table(2).assign(color="red")
    paths = []
    for name, frame in (("a", table(1)), ("b", shifted)):
        paths.append(str(tmp_path / f"{name}.pb"))
        Path(paths[-1]).write_bytes(tfdv.generate_statistics_from_dataframe(frame).SerializeToString())
    found = drift(*paths)
    assert {feature for feature, _ in drifted(found)} == {"color"}


def test_json_is_the_contract(sides, capsys):
    a, b = sides(table(2).assign(color="red"))
    assert main(["drift", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == {"baseline": ROWS, "current": ROWS}
    assert found["drifted"] is True
    first = found["drift"][0]
    assert {"feature", "measure", "distance", "threshold", "drifted", "detail"} <= first.keys()
    assert (found["severity"], first["severity"], first["moderate"], first["severe"]) == (
        "severe",
        "severe",
        0.125,
        0.25,
    )
    assert first["corrected_distance"] == pytest.approx(first["distance"], abs=0.01)
    assert first["importance"] is None


def test_exit_codes(sides, capsys):
    a, b = sides(table(2).assign(color="red"))
    assert main(["drift", a, b]) == 0
    assert main(["drift", a, b, "--fail-on-drift"]) == 3
    assert main(["drift", a, a, "--fail-on-drift"]) == 0
    assert main(["drift", a, "nowhere.csv"]) == 2
    assert "nowhere.csv: no such file or folder" in capsys.readouterr().err
    assert main(["drift", a]) == 2
    assert main(["drift", a, b, "--alpha", "2"]) == 2


def shifted(seed: int, rows: int) -> pd.DataFrame:
    """3 % of height is out of range (negligible), color shifts by 0.17 (moderate), weight is all new (severe)."""
    moved = table(seed, rows)
    moved.loc[: 0.03 * rows, "height"] = 1.0
    moved.loc[(moved.index % 3 == 0) & (moved["color"] == "red"), "color"] = "green"
    return moved.assign(weight=moved["weight"] + 1000)


def test_the_verdict_grades_drift(sides, capsys):
    a, b = sides(shifted(2, ROWS))
    text = drift(a, b, joint_rows=0).to_text()
    assert "drift in 3: 1 severe, 1 moderate, 1 negligible;" in text.splitlines()[0]
    lines = {line.split()[0]: line.split()[1] for line in text.splitlines()[3:]}
    assert lines == {"weight": "severe", "color": "moderate", "height": "negligible"}
    assert list(lines) == ["weight", "color", "height"]
    sides(table(2).assign(height=shifted(2, ROWS)["height"]))
    assert main(["drift", a, b, "--no-joint", "--fail-on-drift"]) == 0
    assert main(["drift", a, b, "--no-joint", "--fail-on-drift", "--severity", "negligible"]) == 3
    capsys.readouterr()


def test_too_few_rows_are_named_and_are_no_drift(sides):
    table(1, 24).to_csv("few.csv", index=False)
    moved = table(2, 24)
    moved["late"] = [*[1] * 17, *[0] * 7]
    moved.to_csv("moved.csv", index=False)
    pd.read_csv("few.csv").assign(late=[*[1] * 8, *[0] * 16]).to_csv("few.csv", index=False)
    found = drift("few.csv", "moved.csv", joint_rows=0)
    assert not found.result.drifted
    assert "not significant with so few rows, though the estimated distance is large: " in found.to_text()
    assert "late (severe)" in found.to_text()


def test_bad_input_is_one_clear_line(sides):
    a, b = sides(table(2))
    Path("empty.csv").write_text("")
    Path("note.txt").write_text("hello")
    Path("nothing").mkdir()
    with pytest.raises(InputError, match=r"^empty\.csv: is empty"):
        drift(a, "empty.csv")
    with pytest.raises(UsageError, match=r"^note\.txt: is of a kind that is not read"):
        drift(a, "note.txt")
    with pytest.raises(UsageError, match=r"^nothing: holds no file"):
        drift(a, "nothing")
    with pytest.raises(UsageError, match=r"^--slice nose: no such column; available: id, color"):
        drift(a, b, slices=["nose"])
