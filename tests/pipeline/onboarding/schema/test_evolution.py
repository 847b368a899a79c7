"""How a schema follows its data from span to span: what is told, what is accepted, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.shared.errors import InputError, UsageError
from pipeline.cli import main
from pipeline.onboarding.initialise.dataset import initialise
from pipeline.onboarding.schema.column_renaming import settings_with
from pipeline.onboarding.schema.schema_diff import diff
from pipeline.onboarding.schema.schema_update import apply
from pipeline.preflight.data_check import check_data, source_of
from pipeline.settings.config import Config, load_config

CASES = Path(__file__).parents[3] / "cases"


def spans(rows: int = 300) -> list[pd.DataFrame]:
    draw = np.random.default_rng(5)
    return [
        pd.DataFrame(
            {
                "age": draw.integers(18, 80, rows),
                "spend": draw.gamma(2, 300, rows).round(2),
                "plan": draw.choice(["basic", "plus", "pro"], rows, p=[0.6, 0.3, 0.1]),
                "left": draw.choice(["Yes", "No"], rows),
            }
        )
        for _ in range(4)
    ]


def project(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Config:
    """A dataset of three spans, and a fourth one that is changed."""
    *old, last = spans()
    data = folder / "data"
    data.mkdir()
    for number, frame in enumerate(old, 1):
        frame.to_csv(data / f"span-{number:02}.csv", index=False)
    config = initialise("data", "left", name="sales").config
    change(last).to_csv(data / "span-04.csv", index=False)
    return load_config(config)


def test_a_span_with_another_delimiter_is_named_and_nothing_is_written(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "data").mkdir()
    for number in (1, 2, 3):
        shutil.copy(CASES / "ev_delim" / f"span-0{number}.csv", place / "data")
    initialise("data", "left", name="ev")
    shutil.copy(CASES / "ev_delim" / "span-04.csv", place / "data")
    before = (place / "schemas/ev/schema.pbtxt").read_bytes()
    for command in (["diff"], ["update", "--accept", "all"], ["update", "--accept", "all", "--allow-removal"]):
        code = main(["schema", *command, "--dataset", "ev"])
        said = capsys.readouterr()
        if code == 0:  # read as it is written
            assert "gone" not in said.out
            continue
        assert code == 2
        assert "span-04.csv looks semicolon-separated" in said.err
        assert len(said.err.strip().splitlines()) == 1
    assert (place / "schemas/ev/schema.pbtxt").read_bytes() == before


def test_a_span_of_another_dataset_is_refused(place: Path) -> None:
    config = project(place, lambda frame: frame.add_prefix("x_"))
    with pytest.raises(
        InputError, match=r"span-04.csv: has none of the schema's columns; available: .*; it is not a span of"
    ):
        diff(config)


def test_a_label_that_is_gone_is_not_taken_away_without_being_told_to(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = project(place, lambda frame: frame.drop(columns="left"))
    before = config.schema_path.read_bytes()
    assert main(["schema", "diff", "--dataset", "sales"]) == 0
    assert "would remove the label 'left'; `schema update` needs --allow-removal" in capsys.readouterr().out
    assert main(["schema", "update", "--dataset", "sales", "--accept", "all"]) == 2
    assert "this would remove the label 'left'; check the newest span first" in capsys.readouterr().err
    assert config.schema_path.read_bytes() == before
    assert main(["schema", "update", "--dataset", "sales", "--accept", "all", "--allow-removal"]) == 0
    assert "DEPRECATED" in config.schema_path.read_text()


def test_most_columns_are_not_taken_away_without_being_told_to(place: Path) -> None:
    config = project(place, lambda frame: frame[["left"]])
    found = diff(config)
    with pytest.raises(UsageError, match="this would remove 3 of 4 columns"):
        apply(found, found.changes)
    apply(found, found.changes[:1])  # one is a change like others


def test_a_renamed_column_is_guessed_accepted_and_read(place: Path) -> None:
    config = project(place, lambda frame: frame.rename(columns={"plan": "tariff"}))
    found = diff(config)
    (change,) = found.changes
    assert (change.feature, change.what) == ("plan", "renamed")
    assert change.detail.startswith("probably renamed to 'tariff' (string): distance of the distributions 0.0")
    apply(found, found.changes)
    config = load_config(config.path)
    assert config.features.categorical == ("tariff",)
    assert config.data.renamed == {"tariff": "plan"}
    assert "# rarer categories" in config.path.read_text()  # comments stay
    assert diff(config).changes == ()
    checked = check_data(source_of(config, "data"), None, place / "scans.json")
    assert checked.rows == {"train": 600, "eval": 300}  # older spans are read under the new name


def test_a_renamed_label(place: Path) -> None:
    config = project(place, lambda frame: frame.rename(columns={"left": "has_left"}))
    found = diff(config)
    apply(found, found.changes)
    config = load_config(config.path)
    assert (config.dataset.label, config.data.renamed) == ("has_left", {"has_left": "left"})
    assert check_data(source_of(config, "data"), None, place / "scans.json").rows["train"] == 600


def test_a_renamed_annotator(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text('[audit]\nannotators = ["ann", "ben"]  # two reviewers\n')
    assert settings_with(file, {"ann": "anna"}).startswith('[audit]\nannotators = ["anna", "ben"]  # two reviewers\n')


def test_columns_that_are_no_rename_of_each_other(place: Path) -> None:
    config = project(place, lambda frame: frame.drop(columns="plan").assign(city=["x", "y", "z"] * 100))
    assert {(one.feature, one.what) for one in diff(config).changes} == {("plan", "gone"), ("city", "new_column")}


def test_a_guess_can_be_turned_off(place: Path) -> None:
    config = project(place, lambda frame: frame.rename(columns={"plan": "tariff"}))
    assert {one.what for one in diff(config, renames=False).changes} == {"gone", "new_column"}


def test_integers_that_became_fractions_are_told_and_accepted(place: Path) -> None:
    config = project(place, lambda frame: frame.assign(age=frame.age + 0.5))
    found = diff(config)
    (change,) = found.changes
    assert (change.feature, change.what) == ("age", "type")
    assert "INT -> FLOAT" in change.detail
    apply(found, found.changes)
    assert diff(load_config(config.path)).changes == ()


def test_a_new_spelling_of_a_label_or_a_category_is_told(place: Path) -> None:
    config = project(place, lambda frame: frame.replace({"Yes": "YES", "pro": "Pro "}))
    said = diff(config).to_text()
    assert "new value 'YES'" in said
    assert "differs from 'Yes' in case or spaces only; [data.values.left] maps it to that value" in said
    assert "'Pro '" in said
    assert "[data.values.plan] maps it to that value" in said


def test_a_new_spelling_of_an_open_category_is_a_note(place: Path) -> None:
    config = project(place, lambda frame: frame.replace({"basic": "BASIC"}))
    text = config.schema_path.read_text().replace('  domain: "plan"\n', "")
    config.schema_path.write_text(text[: text.index("string_domain")] if "string_domain" in text else text)
    notes = diff(config).notes
    assert any(
        "plan: 'BASIC' in data/span-04.csv" in note and "may be 'basic' (differs in case)" in note for note in notes
    )
