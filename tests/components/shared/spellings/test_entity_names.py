import pytest

from components.shared.spellings.entity_names import find_entities
from components.shared.spellings.spelling_groups import has_near

needs_rapidfuzz = pytest.mark.skipif(not has_near(), reason="rapidfuzz is not installed")


def groups(*names: str) -> list[set[str]]:
    return [set(group.spellings) for group in find_entities(dict.fromkeys(names, 1))]


def test_case_punctuation_and_abbreviations_of_a_firm() -> None:
    found = groups("ACME Corp.", "Acme Corporation", "acme corp", "Acme Chemicals", "Globex Inc", "Initech")
    assert found == [{"ACME Corp.", "Acme Corporation", "acme corp"}]


@pytest.mark.parametrize(
    "names",
    [("Store 12", "Store 13"), ("North Street", "South Street"), ("Li Wei", "Li Wen"), ("A B", "A C"), ("one",)],
)
def test_different_names_are_not_grouped(names: tuple[str, ...]) -> None:
    assert groups(*names) == []


@needs_rapidfuzz
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Johnathan Smithson", "Jonathan Smithson"),
        ("Philadelphia Museum", "Philadelpia Museum"),
        ("Xerox Holdings", "Zerox Holdings"),  # the first letter: found from behind
    ],
)
def test_typo(one: str, other: str) -> None:
    assert any({one, other} <= found for found in groups(one, other, "Aaron Example", "Zoe Sample", "Jon Smith"))


def test_many_names_with_one_first_word_take_bounded_time() -> None:
    names = [f"shop number{''.join(chr(97 + int(digit)) for digit in str(number))}" for number in range(3_000)]
    assert all(len(found) < 20 for found in groups(*names))
