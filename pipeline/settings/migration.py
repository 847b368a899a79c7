"""`plumbline migrate-config`: a pipeline.toml with present names; comments, order and layout stay as they are."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, InlineTable, Key, Table

from components.shared.errors import ConfigError
from components.shared.files import write_text
from pipeline.settings.renamed_keys import RENAMED_KEYS, BothNamesError, Keys, RenamedKey, with_present_names


@dataclass(frozen=True)
class Migration:
    """What a migration changes.

    Attributes:
      path: The file.
      before: Its text.
      after: Its text with present names; equal to `before` where no former name is in it.
      renamed: The former names that are in it.
    """

    path: Path
    before: str
    after: str
    renamed: tuple[RenamedKey, ...]

    def diff(self) -> str:
        """The change as a unified diff; "" if there is none."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, str(self.path), str(self.path)))

    def write(self) -> None:
        """Replaces the file, atomically; an unchanged one is not touched."""
        if self.after != self.before:
            write_text(self.path, self.after)

    def to_json(self) -> dict[str, Any]:
        """As what `--json` prints."""
        return {"path": str(self.path), "renamed": [str(key) for key in self.renamed]}


def migration(path: Path) -> Migration:
    """What `plumbline migrate-config` would change in a file.

    Raises:
      ConfigError: It cannot be read, is no TOML, or gives a key by both names.
    """
    try:
        content = path.read_bytes()
        before = content.decode("utf-8")
        document = tomlkit.parse(before.removeprefix(_BOM))
        present, found = with_present_names(document.unwrap())
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (TOMLKitError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: is no valid TOML ({exc})") from exc
    except BothNamesError as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    if not found:
        return Migration(path, before, before, ())
    _rename(document, ())
    after = tomlkit.dumps(document)
    if tomlkit.parse(after).unwrap() != present:
        names = "; ".join(map(str, found))
        raise ConfigError(f"{path}: is written in a way that cannot be rewritten; rename by hand: {names}")
    return Migration(path, before, (_BOM if before.startswith(_BOM) else "") + after, tuple(found))


_BOM = "\ufeff"


def _rename(container: Container, table: Keys, headers: tuple[Key, ...] = (), is_renamed: bool = False) -> None:
    """Renames keys in the parsed document, where tomlkit keeps their text; it has no function for that.

    Args:
      container: A table's content.
      table: The keys that lead to it, by present names.
      headers: The same, as they are written.
      is_renamed: Whether one of them was renamed, so that the headers of the tables below have to be written anew.
    """
    names = {key.former: key.name for key in RENAMED_KEYS if key.table == table}
    for key, item in container.body:
        if key is None:  # a comment, or blank lines
            continue
        name = names.get(key.key, key.key)
        if renames := name != key.key:
            before, key._original = key._original, _written(key._original, key.key, name)
            key.key = name
            blanks = item.trivia.comment_ws
            grown = len(key._original) - len(before)
            item.trivia.comment_ws = blanks[: max(len(blanks) - max(grown, 0), min(len(blanks), 2))]
        written, anew = (*headers, key), is_renamed or renames
        for inner in item.body if isinstance(item, AoT) else [item]:
            if isinstance(inner, Table) and anew and inner.display_name is not None:
                inner.display_name = ".".join(one.as_string().strip() for one in written)
            if isinstance(inner, Table | InlineTable):
                _rename(inner.value, (*table, name), written, anew)


def _written(former: str, key: str, name: str) -> str:
    """`misfits          ` as `on_type_mismatch `: a longer name takes the blanks before "=", up to one."""
    bare = former.rstrip(" \t")
    blanks = len(former) - len(bare)
    new = bare.replace(key, name)
    return new + " " * max(min(blanks, 1), len(former) - len(new) if blanks > 1 else blanks)
