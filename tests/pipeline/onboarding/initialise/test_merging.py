"""`plumbline init` again: a person's edits stay, what is new is added, and both are said."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.shared.errors import UsageError
from components.table_reading.column_types import column_types, parse_schema
from pipeline.onboarding.initialise.dataset import initialise
from pipeline.onboarding.initialise.merging import merged_settings
from pipeline.onboarding.initialise.result import Initialised
from pipeline.settings.config import load_config

ROWS = 400


def frame() -> pd.DataFrame:
    draw = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "size": draw.normal(size=ROWS).round(3),
            "age": draw.integers(18, 80, ROWS),
            "city": draw.choice(["Paris", "Rome", "Oslo"], ROWS),
            "plan": draw.choice(["a", "b"], ROWS),
            "y": draw.choice(["yes", "no"], ROWS),
        }
    )


def init(table: pd.DataFrame) -> Initialised:
    table.to_csv("shop.csv", index=False)
    return initialise("shop.csv", "y")


def edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)


def test_the_same_data_again_changes_nothing(place: Path) -> None:
    first = init(frame())
    before = first.config.read_bytes(), first.schema.read_bytes()
    again = init(frame())
    assert (again.config.read_bytes(), again.schema.read_bytes()) == before
    assert (again.kept, again.changed) == ((), ())


def test_edits_stay_and_new_columns_are_added(place: Path) -> None:
    found = init(frame())
    edit(
        found.config,
        ('categorical = ["city", "plan"]', 'categorical = ["city", "age"]  # plan is known later only'),
        ('numeric = ["size", "age"]', 'numeric = ["size"]'),
        ("epochs = 100", "epochs = 5  # quick"),
    )
    edit(found.schema, ('name: "age"\n', 'name: "age"\n  annotation { comment: "in years" }\n'))
    table = frame().assign(weight=np.random.default_rng(1).normal(size=ROWS), color=["red", "blue"] * (ROWS // 2))
    again = init(table)
    config = load_config(again.config)
    assert config.features.categorical == ("city", "age", "color")
    assert config.features.numeric == ("size", "weight")
    assert config.training.epochs == 5
    text = again.config.read_text()
    assert "# plan is known later only" in text
    assert "# quick" in text
    schema = parse_schema(again.schema.read_text(), "schema.pbtxt")
    assert column_types(schema)["weight"] == "float64"
    assert 'comment: "in years"' in again.schema.read_text()
    assert {domain.name for domain in schema.string_domain} == {"city", "plan", "y", "color"}
    assert any(line.startswith('[features] categorical = ["city", "age"]') for line in again.kept)
    assert "[training] epochs = 5" in again.kept
    assert "feature age" in again.kept
    assert {"new feature weight", "new feature color"} <= set(again.changed)
    said = again.to_text()
    assert said.index("Kept edits:") < said.index("Changed since the last draft:") < said.index("Assumptions and")
    once_more = init(table)
    assert once_more.changed == ()
    assert once_more.config.read_text() == text


def test_a_column_that_is_gone_leaves_the_features_and_is_deprecated(place: Path) -> None:
    init(frame())
    again = init(frame().drop(columns="plan"))
    assert load_config(again.config).features.categorical == ("city",)
    assert "feature plan: gone from the data, DEPRECATED" in again.changed
    assert "plan" not in column_types(parse_schema(again.schema.read_text(), "schema.pbtxt"))


def test_what_both_changed_stays_and_says_what_init_would(place: Path) -> None:
    found = init(frame())
    edit(found.config, ("min_slice_rows = 30", "min_slice_rows = 44"), ("epochs = 100", "epochs = 7"))
    again = init(pd.concat([frame()] * 5))
    assert load_config(again.config).training.epochs == 7
    assert "[training] epochs = 7 (init proposes 60)" in again.kept
    assert load_config(again.config).training.batch_size == 64  # not edited: follows the larger table


def test_a_module_of_ones_own_beside_the_settings(place: Path) -> None:
    found = init(frame())
    (found.config.parent / "ours.py").write_text("def run_fn(fn_args):\n    pass\n")
    edit(found.config, ("[training] ", '[training]\nmodule_file = "ours.py"\n# '))
    again = init(frame().assign(extra_size=frame()["size"] * 2 + frame().age))
    assert load_config(again.config).training.module_file == "ours.py"
    assert not (again.config.parent / "ours.py").is_symlink()


def test_other_data_of_the_same_name_is_refused(place: Path) -> None:
    found = init(frame())
    (place / "other").mkdir()
    frame().to_csv("other/shop.csv", index=False)
    before = found.config.read_bytes()
    with pytest.raises(UsageError, match="schemas/shop: already exists, drafted from other data; choose another"):
        initialise("other/shop.csv", "y")
    assert found.config.read_bytes() == before


def test_settings_that_cannot_be_edited_are_left_alone(place: Path) -> None:
    found = init(frame())
    text = found.config.read_text()
    start, end = text.index("[features]"), text.index("[gate]")
    odd = 'features.categorical = ["city"]\nfeatures.numeric = ["size", "age"]\nfeatures.min_count = 1\n'
    found.config.write_text(odd + text[:start] + text[end:])
    before = found.config.read_bytes()
    with pytest.raises(UsageError, match="your edits cannot be kept .*; --force replaces both files"):
        init(frame().assign(weight=1.5 * frame()["size"] + frame().age))
    assert found.config.read_bytes() == before


def test_lists_are_merged_by_their_items() -> None:
    before, now = '[features]\ncategorical = ["a", "b"]\n', '[features]\ncategorical = ["b", "c", "d"]\n'
    mine = '[features]\ncategorical = ["x", "a", "b"]\nnumeric = ["d"]\n'
    merged = merged_settings(before, mine, now)
    assert merged.text == '[features]\ncategorical = ["x", "b", "c"]\nnumeric = ["d"]\n'


def test_what_was_taken_out_stays_out() -> None:
    merged = merged_settings("[a]\nb = 1\nc = 2\n", "[a]\nc = 2\n", "[a]\nb = 1\nc = 3\n")
    assert (merged.text, merged.kept, merged.changed) == ("[a]\nc = 3\n", ("[a] b: removed",), ("[a] c = 3",))
