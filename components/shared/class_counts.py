"""Classes that occur in only one of the splits train and eval, with the messages about them."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_NAMED = 5


@dataclass(frozen=True)
class ClassSets:
    """Classes that occur in one split only.

    Attributes:
      unseen: Class -> eval rows, for classes without a train row; the most frequent first.
      vanished: Class -> train rows, for classes without an eval row.
    """

    unseen: Mapping[str, int]
    vanished: Mapping[str, int]

    def unseen_text(self, task: str) -> str:
        """Returns the message about unseen classes of a binary or multiclass label; "" if there are none."""
        if not self.unseen:
            return ""
        rows, many = sum(self.unseen.values()), len(self.unseen)
        found = (
            f"eval: {rows:,} row{'s' if rows > 1 else ''} of {many:,} class{'es' if many > 1 else ''} that no train "
            f"row has: {named(self.unseen)}"
        )
        if task == "binary":
            return f"{found}; they count as the negative class"
        return (
            f"{found}; no model can predict them, so they are in no metric but accuracy_with_unseen, "
            "where they count as wrong; [dataset] other_class makes a class of them"
        )

    def vanished_text(self) -> str:
        """Returns the message about vanished classes; "" if there are none."""
        if not self.vanished:
            return ""
        rows, many = sum(self.vanished.values()), len(self.vanished)
        return (
            f"train: {rows:,} row{'s' if rows > 1 else ''} of {many:,} class{'es' if many > 1 else ''} that no eval "
            f"row has: {named(self.vanished)}; the model learns them and is not evaluated on them"
        )


def class_sets(train: Mapping[str, int], evaluated: Mapping[str, int]) -> ClassSets:
    """Compares the classes of both splits; each argument maps class -> rows."""
    return ClassSets(_less(evaluated, train), _less(train, evaluated))


def named(classes: Mapping[str, int]) -> str:
    """Lists the most frequent classes with their rows: a (3), b (1) and 2 more."""
    shown = ", ".join(f"{' '.join(name.split())} ({rows:,})" for name, rows in [*classes.items()][:MAX_NAMED])
    more = len(classes) - MAX_NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def _less(some: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    found = [(name, rows) for name, rows in some.items() if rows and not others.get(name)]
    return dict(sorted(found, key=lambda pair: (-pair[1], pair[0])))
