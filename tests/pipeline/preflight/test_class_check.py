"""Classes that only one split has are found before a run, and what cannot be meant is refused."""

from collections import Counter
from pathlib import Path

import pytest

from components.arrow_example_gen.rare_classes import with_other_class
from components.shared.errors import ConfigError, InputError
from pipeline.onboarding.initialise.dataset import initialise
from pipeline.preflight.class_check import check_positive, class_warnings
from pipeline.preflight.data_check import check_data, source_of
from pipeline.settings.config import Config, load_config

RARE = 48


def many_classes(folder: Path) -> Config:
    """48 classes, the rarest with two rows each; rows are dealt by a hash of their id."""
    lines, row = ["id,size,y"], 0
    for number in range(RARE):
        for _ in range(2 if number >= 20 else 40):
            lines.append(f"s{row:05},{(number * 7 + row * 31 % 5) / 10},class {number:02}")
            row += 1
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return load_config(initialise("t.csv", "y").config)


def test_classes_of_few_rows_are_told_before_a_run(place: Path) -> None:
    config = many_classes(place)
    checked = check_data(source_of(config, "."), None, place / "scans.json")
    unseen, vanished = class_warnings(config, checked.labels)
    assert unseen.startswith("y: eval: ")
    assert "classes that no train row has: class " in unseen
    assert vanished.startswith("y: train: ")
    assert sum(checked.labels["train"].values()) == checked.rows["train"]


def test_rare_classes_become_one_where_the_settings_say_so(place: Path) -> None:
    config = many_classes(place)
    text = config.path.read_text().replace("[dataset]\n", '[dataset]\nother_class = "other"\nmin_class_rows = 5\n')
    config.path.write_text(text)
    config = load_config(config.path)
    with pytest.raises(ConfigError, match=r"'other' is no value of the domain of 'y' in .*schema.pbtxt; add it there"):
        source_of(config, ".")
    schema = config.schema_path.read_text()
    config.schema_path.write_text(schema.replace('  value: "class 00"', '  value: "other"\n  value: "class 00"'))
    source = source_of(config, ".")
    checked = check_data(source, None, place / "scans.json")
    assert set(checked.labels["train"]) == {f"class {number:02}" for number in range(20)} | {"other"}
    assert checked.labels["eval"]["other"] + checked.labels["train"]["other"] == 2 * (RARE - 20)
    assert not [line for line in class_warnings(config, checked.labels) if "no train row" in line]
    settled = with_other_class(source, None)
    (file,) = source.files().eval
    found = Counter(label for batch in settled.read(file, "eval") for label in batch["y"].to_pylist())
    assert found == Counter(checked.labels["eval"])


def binary(folder: Path, **changes: str) -> Config:
    lines = ["id,size,left"] + [f"r{row:05},{row % 13},{('Yes', 'No')[row * 31 % 7 > 2]}" for row in range(400)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    config = initialise("t.csv", "left").config
    text = config.read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    config.write_text(text)
    return load_config(config)


def test_a_positive_value_that_no_row_has_is_refused_before_a_run(place: Path) -> None:
    config = binary(place, Yes="YES!")
    source = source_of(config, ".")
    checked = check_data(source, None, place / "scans.json")
    with pytest.raises(
        InputError, match=r"no row of split train has the positive class 'YES!' .* available: No \(\d+\), Yes"
    ):
        check_positive(config, checked.labels, source.columns)
    missing = {"train": checked.labels["train"], "eval": {"No": 3, "no": 1}}
    config = binary_again(config)
    with pytest.raises(
        InputError, match="no row of split eval has the positive class 'Yes'.*cannot be evaluated without it"
    ):
        check_positive(config, missing, source.columns)
    check_positive(config, checked.labels, source.columns)


def binary_again(config: Config) -> Config:
    config.path.write_text(config.path.read_text().replace("YES!", "Yes"))
    return load_config(config.path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('[data.values.gone]\na = "b"\n', r"\[data.values\] 'gone' is not in"),
        (
            '[data.values.size]\na = "b"\n',
            r"\[data.values\] 'size' is int64 in .*; only text columns have spelling variants",
        ),
        ('[data.renamed]\nnew = "old"\n', r"\[data\] renamed: 'new' is not in"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused(place: Path, settings: str, said: str) -> None:
    config = binary(place)
    config.path.write_text(config.path.read_text() + "\n" + settings)
    with pytest.raises(ConfigError, match=said):
        source_of(load_config(config.path), ".")
