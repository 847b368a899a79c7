from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.errors import UsageError
from pipeline.onboarding.initialise.dataset import initialise
from pipeline.onboarding.initialise.spellings import category_spellings, label_spellings, settings_lines
from pipeline.settings.config import load_config

CASES = Path(__file__).parents[3] / "cases"


def column(counts: dict[str, int], name: str = "left") -> pa.Table:
    return pa.table({name: [value for value, rows in counts.items() for _ in range(rows)]})


def test_spellings_of_a_label_are_read_as_one_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = initialise(str(CASES / "lab_mixedcase.csv"), "left", name="sales")
    config = load_config(found.config)
    assert config.data.values == {"left": {"yes": "Yes", " No ": "No"}}
    assert (config.dataset.task, config.dataset.positive) == ("binary", "Yes")
    domains = found.schema.read_text().split("string_domain")
    assert 'value: "No"\n  value: "Yes"' in domains[-1]
    said = found.to_text()
    first = "left: 4 classes -> 2: 'yes' (60 rows) as 'Yes', ' No ' (55 rows) as 'No'"
    assert first in said.split("column  ")[0]
    assert found.to_json()["spellings"][0] == {
        "column": "left",
        "value": "Yes",
        "spellings": {"Yes": 305, "yes": 60},
        "differ": ["case"],
        "applied": True,
    }


def test_categories_are_only_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{('pro', 'Pro', 'basic')[row % 3]},{row * 37 % 101},{'yn'[row * 31 % 7 > 2]}" for row in range(300)]
    (tmp_path / "t.csv").write_text("plan,size,y\n" + "\n".join(rows) + "\n")
    found = initialise("t.csv", "y")
    assert load_config(found.config).data.values == {}
    text = found.config.read_text()
    assert "# [data.values.plan]" in text
    assert '# "pro" = "Pro"' in text  # as frequent; the first by its letters
    assert "plan: possible variants, not applied" in found.to_text()
    uncommented = text.replace("# [data.values.plan]", "[data.values.plan]").replace('# "pro"', '"pro"')
    found.config.write_text(uncommented)
    assert load_config(found.config).data.values == {"plan": {"pro": "Pro"}}


def test_a_label_of_one_value_in_two_spellings_is_left_as_it_is() -> None:
    found = label_spellings(column({"a x": 30, "A X": 20}), "left", "string")
    assert found is not None
    assert (found.applied, len(found.proposed), found.after) == ((), 1, 2)


def test_numbers_and_names_are_not_looked_at() -> None:
    assert label_spellings(pa.table({"left": [1, 2, 3]}), "left", "int64") is None
    names = pa.table({"who": [f"name {row}" for row in range(50)] + ["NAME 1"]})
    assert category_spellings(names, ["who"], {"who": "string"}) == []


def test_a_columns_name_is_quoted_where_toml_needs_it() -> None:
    found = label_spellings(column({"yes": 9, "Yes": 30, "no": 9}, "lèft it?"), "lèft it?", "string")
    assert found is not None
    assert settings_lines([found])[1].startswith('[data.values."lèft it?"]')


def test_there_is_no_such_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--label gone: no such column"):
        initialise(str(CASES / "lab_mixedcase.csv"), "gone")
