"""Tables in which a guess about one column or file once changed another, without a word."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main

Init = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Init:
    """`plumbline init --json` on files of these texts: exit code, what it printed, its message."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t").mkdir()

    def run(**files: str) -> tuple[int, dict[str, Any], str]:
        for name, text in files.items():
            (tmp_path / "t" / f"{name.replace('_', '-')}.csv").write_text(text, encoding="utf-8")
        code = main(["init", "--data", "t", "--label", "y", "--name", "x", "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else {}, err

    return run


def types(found: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in found["columns"]}


def test_a_class_is_not_missing_because_a_number_column_uses_its_word(init: Init) -> None:
    rows = (f"{n % 7},{('none', 1, 2)[n % 3]},{('none', 'mild', 'severe')[n // 3 % 3]}\n" for n in range(300))
    code, found, _ = init(only="b,c,y\n" + "".join(rows))
    assert code == 0
    assert found["label"]["task"] == "multiclass"
    assert types(found)["y"] == "string"


def test_a_footer_of_the_first_file_cuts_no_row_off_the_others(init: Init) -> None:
    table = "name,a,y\n" + "".join(f"n{n},{n},{n % 2}\n" for n in range(50))
    code, _, err = init(span_1=table + "Total,900,\n", span_2=table, span_3=table)
    assert code == 2
    assert "span-2.csv: its last line 'n49,49,1' looks like a row, but [data] skip_footer is 1" in err


def test_a_complete_row_of_a_firm_named_total_is_a_row(init: Init) -> None:
    rows = "".join(f"Firm{n},{n},{2 * n},{('no', 'yes')[n % 2]}\n" for n in range(60))
    code, _, _ = init(only="name,a,b,y\n" + rows + "Total Network Solutions,3,4,yes\n")
    assert code == 0
    assert "skip_footer" not in Path("schemas/x/pipeline.toml").read_text(encoding="utf-8")


def test_ids_beyond_int64_stay_texts_beside_decimal_commas(init: Init) -> None:
    rows = "".join(f"90071992547409930000{n:03d};{n},5;{n % 2}\n" for n in range(300))
    code, found, _ = init(only="id;p;y\n" + rows)
    assert code == 0
    assert types(found)["id"] == "string"


def test_a_few_leading_zeros_make_a_column_of_codes_beside_decimal_commas_too(init: Init) -> None:
    rows = "".join(f"{10_000 + n % 3};{n},5;{n % 2}\n" for n in range(2997))
    code, found, _ = init(only="zip;p;y\n" + rows + "01005;1,5;0\n01005;2,5;1\n01006;2,5;1\n")
    assert code == 0
    assert types(found)["zip"] == "string"


def test_units_that_differ_by_a_letter_are_no_spellings_of_one(init: Init) -> None:
    power, age = ("5 mW", "3 MW", "2 MW"), ("1 year", "2 years", "3 years")
    rows = "".join(f"{power[n % 3]},{age[n % 3]},{n % 2}\n" for n in range(300))
    code, found, _ = init(only="a,c,y\n" + rows)
    assert code == 0
    assert types(found) == {"a": "string", "c": "int64", "y": "int64"}


def test_minutes_beside_hours_are_not_guessed(init: Init) -> None:
    both, hours = ("58:12", "59:59", "1:02:03"), ("58:12", "59:59", "31:03")
    rows = "".join(f"{both[n % 3]},{hours[n % 3]},{n % 2}\n" for n in range(300))
    code, found, _ = init(only="t,h,y\n" + rows)
    assert code == 0
    assert types(found) == {"t": "string", "h": "duration", "y": "int64"}


def test_a_year_of_two_digits_may_come_first(init: Init) -> None:
    rows = "".join(f"20-{n % 12 + 1:02}-{n % 28 + 1:02},{98 - n % 40}-05-12,{n * n // 7 % 2}\n" for n in range(300))
    code, found, _ = init(only="d,e,y\n" + rows)
    assert code == 0
    formats = {column["name"]: column["date_format"] for column in found["columns"]}
    assert formats["e"] == "%y-%m-%d"
    (note,) = (column["note"] for column in found["columns"] if column["name"] == "d")
    assert "%y-%m-%d" in note


def test_two_columns_of_texts_that_never_come_twice_are_no_copies(init: Init) -> None:
    words = ("an", "ber", "lo", "mi", "ra", "sen", "tu", "vel", "ka", "do")
    name = ["".join(words[n // 10**place % 10] for place in range(3)) for n in range(300)]
    rows = "".join(
        f"{name[n]} {name[n * 7 % 300]},{name[n * 11 % 300]} {name[n]},{name[n]} {name[n * 7 % 300]},{n * n // 7 % 2}\n"
        for n in range(300)
    )
    code, found, _ = init(only="title,author,again,y\n" + rows)
    assert code == 0
    assert [column["kind"] for column in found["columns"]] == ["text", "text", "text", "label"]
    assert {one["column"]: one["why"] for one in found["left_out"]} == {"again": "a copy of title"}
