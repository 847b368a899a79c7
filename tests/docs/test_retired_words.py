"""The check of retired words: what it reads from the page, what it finds and what it leaves alone."""

from pathlib import Path

import pytest

from docs.checks.retired_words import PAGE, Retired, find, missing_modules, retired
from docs.checks.tracked import ROOT

TABLE = """# Glossary

| term | meaning |
|---|---|
| `Umpire` | not in the table below |

## Retired words

| retired | use instead | may stay in |
|---|---|---|
| `odds by luck` | null distribution | |
| `Umpire` | WeightedMetrics | `old/*.py`, `CHANGELOG.md` |
"""


def write(root: Path, name: str, text: str) -> str:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return name


def test_the_table_is_read():
    assert retired(TABLE) == [
        Retired("odds by luck", "null distribution", ()),
        Retired("Umpire", "WeightedMetrics", ("old/*.py", "CHANGELOG.md")),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# Glossary\n", "no heading"),
        ("\n## Retired words\n\n| retired | use instead | may stay in |\n|---|---|---|\n", "is empty"),
        ("\n## Retired words\n\n| Umpire | WeightedMetrics | |\n", "not `word`"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(text: str, says: str):
    with pytest.raises(ValueError, match=says):
        retired(text)


def test_a_word_is_found_with_file_and_line(tmp_path: Path):
    name = write(tmp_path, "a.py", '"""Two.\n\nThe Odds by\nluck."""\nx = Umpire()\n')
    assert list(find(retired(TABLE), tmp_path, [name])) == [
        f"a.py:3: 'odds by luck' is retired; use null distribution ({PAGE})",
        f"a.py:5: 'Umpire' is retired; use WeightedMetrics ({PAGE})",
    ]


def test_a_phrase_is_found_across_lines_of_a_comment(tmp_path: Path):
    name = write(tmp_path, "a.py", "    # the odds\n    # by luck\n")
    assert len(list(find(retired(TABLE), tmp_path, [name]))) == 1


def test_a_dotted_name_is_found_as_a_path(tmp_path: Path):
    name = write(
        tmp_path, "a.md", "See `pipeline/old/place.py` and tests.pipeline.old, not pipeline/older.py or old.\n"
    )
    assert len(list(find([Retired("pipeline.old", "pipeline.new", ())], tmp_path, [name]))) == 2


def test_other_words_and_excepted_files_are_left_alone(tmp_path: Path):
    names = [
        write(tmp_path, "a.py", "umpire = 1\nUmpires = PreUmpire = Umpire_ = 2\nbyodds by luck\n"),
        write(tmp_path, "old/b.py", "Umpire = 1\n"),
        write(tmp_path, "CHANGELOG.md", "`Umpire` is WeightedMetrics now\n"),
        write(tmp_path, "c.bin", "Umpire\n"),
    ]
    assert list(find(retired(TABLE), tmp_path, names)) == []


def test_a_module_that_does_not_exist_cannot_be_used_instead():
    words = [
        Retired("pipeline.old", "`pipeline.new`", ()),
        Retired("pipeline.older", "`pipeline.here`", ()),
        Retired("Umpire", "WeightedMetrics", ()),
    ]
    assert list(missing_modules(words, ["pipeline/here/__init__.py", "pipeline/new.md"])) == [
        f"{PAGE}: `pipeline.new`: no such module, to use instead of `pipeline.old`"
    ]


def test_each_word_is_retired_once():
    words = [one.word.lower() for one in retired((ROOT / PAGE).read_text())]
    assert len(words) == len(set(words))


def test_each_term_is_defined_once():
    glossary = (ROOT / "docs/glossary.md").read_text()
    terms = [line.split("|")[1].strip() for line in glossary.splitlines() if line.startswith("| ")]
    terms = [term for term in terms if term != "term"]
    assert len(terms) > 80
    assert len(terms) == len(set(terms))
