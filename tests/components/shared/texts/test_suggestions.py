import pytest

from components.shared.texts.suggestions import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "expected"),
    [("flight", "flights"), ("FLIGHTS", "flights"), ("lat", "late"), ("zzz", ""), ("", "")],
)
def test_nearest_is_the_most_similar_known_name_ignoring_case(word, expected):
    assert nearest(word, ["flights", "late", ""]) == expected


def test_no_suggestion_without_a_similar_name():
    assert did_you_mean("lat", ["late"]) == "did you mean late? "
    assert did_you_mean("zzz", ["late"]) == ""
    assert did_you_mean("late", []) == ""
