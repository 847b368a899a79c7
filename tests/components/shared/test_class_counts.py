from components.shared.class_counts import class_sets, named


def test_classes_of_one_split_only() -> None:
    found = class_sets({"a": 5, "b": 1, "gone": 2}, {"a": 3, "b": 1, "new": 1, "other": 4})
    assert (dict(found.unseen), dict(found.vanished)) == ({"other": 4, "new": 1}, {"gone": 2})
    said = found.unseen_text("multiclass")
    assert said.startswith(
        "eval: 5 rows of 2 classes that no train row has: other (4), new (1); no model can predict them"
    )
    assert found.unseen_text("binary").endswith("; they count as the negative class")
    assert found.vanished_text().startswith("train: 2 rows of 1 class that no eval row has: gone (2)")


def test_equal_classes_give_no_message() -> None:
    found = class_sets({"a": 1}, {"a": 2})
    assert (found.unseen_text("multiclass"), found.vanished_text()) == ("", "")


def test_long_lists_are_truncated() -> None:
    assert named({f"c{number}": 9 - number for number in range(7)}).endswith("c4 (5) and 2 more")
