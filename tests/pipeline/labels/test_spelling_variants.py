import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.labels.audit import audit

ROWS = 200


def frame() -> pd.DataFrame:
    draw = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "customer_id": [f"C{row:04}" for row in range(ROWS)],
            "firm": [f"Firm {chr(65 + row % 26)}{chr(65 + row // 26)} Holding" for row in range(ROWS)],
            "plan": draw.choice(["basic", "plus"], ROWS),
            "spend": draw.normal(size=ROWS).round(3),
            "age": draw.integers(18, 90, ROWS),
            "left": draw.choice(["Yes", "No"], ROWS),
        }
    )


def test_duplicates_and_spelling_variants_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = frame()
    for row, firm in ((0, "ACME Corp."), (1, "Acme Corporation")):
        table.loc[row, "firm"] = firm
    table.loc[:4, "plan"] = "Basic"
    table.loc[150, table.columns[1:]] = table.loc[10, table.columns[1:]]
    table.loc[151, table.columns[1:]] = table.loc[11, table.columns[1:]]
    table.loc[151, "firm"] = table.loc[11, "firm"].upper() + " "
    path = tmp_path / "t.csv"
    table.to_csv(path, index=False)
    assert main(["audit", str(path), "--label", "left", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["duplicates"]["exact"], found["duplicates"]["spelled"]) == (1, 1)
    by_column = {one["column"]: one for one in found["spellings"]}
    assert by_column["plan"]["spellings"]["Basic"] == 5
    firms = [set(one["spellings"]) for one in found["spellings"] if one["column"] == "firm"]
    assert {"ACME Corp.", "Acme Corporation"} in firms
    text = audit(str(path), "left").to_text()
    assert "differ in case, whitespace, accents or punctuation only: 1, such as rows 11 and 151" in text
    assert "possible spelling variants of one value" in text


def test_rows_of_the_last_span_with_duplicates_in_earlier_spans(tmp_path: Path) -> None:
    table = frame()
    table.iloc[:150].to_csv(tmp_path / "span-1.csv", index=False)
    later = pd.concat([table.iloc[150:], table.iloc[:3].assign(customer_id=["X1", "X2", "X3"])])
    later.to_csv(tmp_path / "span-2.csv", index=False)
    found = audit(str(tmp_path), "left").duplicates
    assert (found.exact, found.across) == (3, 3)
