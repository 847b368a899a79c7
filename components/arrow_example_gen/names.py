"""The columns of a file against those of the schema."""

from collections.abc import Iterable, Sequence

from components.errors import InputError


def unknown_names(file: str, names: Sequence[str], known: Iterable[str], place: str = "file") -> list[str]:
    """The columns that the schema does not name, in the file's order.

    Args:
      file: Its name, for messages.
      names: Its columns.
      known: The schema's columns.
      place: Where the file says its columns' names.

    Raises:
      InputError: A column is missing, there twice, or has no name.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice and twice[0]:
        raise InputError(f"{file}: column '{twice[0]}' is there twice; rename or drop one")
    if "" in names:
        number = names.index("") + 1
        raise InputError(
            f"{file}: column {number} has no name; name or drop it (pandas writes its index so; index=False leaves it out)"
        )
    known = list(known)
    missing = [name for name in known if name not in names]
    if missing:
        raise InputError(f"{file}: column '{missing[0]}' is missing; the schema names it, the {place} does not")
    return [name for name in names if name not in known]
