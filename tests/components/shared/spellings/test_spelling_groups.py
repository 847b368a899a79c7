import pytest

from components.shared.spellings.spelling_groups import SpellingGroup, find_groups, has_near, loose_key

needs_rapidfuzz = pytest.mark.skipif(not has_near(), reason="rapidfuzz is not installed")


def only(counts: dict[str, int]) -> SpellingGroup:
    (group,) = find_groups(counts)
    return group


def test_differences_of_case_and_blanks_are_certain() -> None:
    group = only({"Yes": 30, "yes": 6, " YES ": 2, "No": 20})
    assert (group.value, group.differ, group.is_certain) == ("Yes", ("blanks", "case"), True)
    assert group.meant == {"yes": "Yes", " YES ": "Yes"}
    assert (list(group.spellings), group.rows) == (["Yes", "yes", " YES "], 8)


@pytest.mark.parametrize(
    ("counts", "value", "differ"),
    [
        ({"New  York": 9, "New York": 3}, "New York", ("blanks",)),  # most frequent, without the doubled blank
        ({" No ": 9, "no": 3}, "No", ("blanks", "case")),
        ({"no\xa0show": 3, "no show": 9}, "no show", ("Unicode form",)),
        ({"\ufb01ne": 3, "fine": 9}, "fine", ("Unicode form",)),
        ({"\uff34okyo": 3, "Tokyo": 9}, "Tokyo", ("Unicode form",)),
        ({"Zu\u0308rich": 3, "Z\u00fcrich": 9}, "Z\u00fcrich", ("Unicode form",)),
        ({"\ufeffParis": 3, "Paris": 9}, "Paris", ("Unicode form",)),
        ({"Straße": 3, "STRASSE": 9}, "STRASSE", ("case",)),
    ],
)
def test_certain_differences(counts: dict[str, int], value: str, differ: tuple[str, ...]) -> None:
    group = only(counts)
    assert (group.value, group.differ, group.is_certain) == (value, differ, True)


@pytest.mark.parametrize(
    ("counts", "differ"),
    [
        ({"Zurich": 3, "Z\u00fcrich": 9}, ("accents",)),
        ({"ACME Corp.": 3, "ACME Corp": 9}, ("punctuation",)),
        ({"on-time": 3, "on time": 9, "ontime": 1}, ("punctuation",)),
        ({"O\u2019Neill": 3, "O'Neill": 9}, ("punctuation",)),
        ({"S\u00e3o Paulo": 9, "sao  paulo": 2}, ("blanks", "case", "accents")),
    ],
)
def test_proposed_differences(counts: dict[str, int], differ: tuple[str, ...]) -> None:
    group = only(counts)
    assert (group.differ, group.is_certain) == (differ, False)


@pytest.mark.parametrize(
    "counts",
    [
        {">50K": 5, "<=50K": 9, "50K": 1},
        {"C": 5, "C++": 9, "C#": 3},
        {"A": 5, "A-": 9, "A+": 9},
        {"-1": 5, "1": 9},
        {"1.5 kg": 5, "15 kg": 9},
        {"10-19 years": 5, "1019 years": 9},
        {"male": 5, "female": 90},
        {"x": 1},
        {},
    ],
)
def test_different_values_are_not_grouped(counts: dict[str, int]) -> None:
    assert find_groups(counts) == []


@needs_rapidfuzz
def test_typo_is_proposed_if_it_is_rare() -> None:
    group = only({"versicolor": 50, "versicolour": 2, "virginica": 40})
    assert (group.value, group.differ, group.meant) == ("versicolor", ("letters",), {"versicolour": "versicolor"})
    assert find_groups({"versicolor": 50, "versicolour": 40}) == []  # as frequent as that is no slip
    assert find_groups({"versicolor": 50, "versicolour": 2}, near=False) == []


@needs_rapidfuzz
def test_other_numbers_are_other_values() -> None:
    assert find_groups({"warehouse 12": 50, "warehouse 13": 2}) == []


@needs_rapidfuzz
def test_typos_of_a_typo_belong_to_the_intended_value() -> None:
    group = only({"Philadelphia": 500, "Philadelpia": 60, "Philadelpa": 2, "Chicago": 100})
    assert group.meant == {"Philadelpia": "Philadelphia", "Philadelpa": "Philadelphia"}


def test_loose_key_keeps_decimal_points() -> None:
    assert loose_key("Route 1 2") != loose_key("Route 12")
    assert loose_key("3,5 mm") != loose_key("35 mm")
