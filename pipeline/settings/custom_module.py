"""[training] module_file: reads and checks a custom module before a run, without importing it."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from components.shared.custom_module import KEY, packed
from components.shared.errors import ConfigError

FUNCTIONS = ("preprocessing_fn", "run_fn")
LARGEST = 64 * 1024
"""Maximum packed size in bytes: a step's parameters are one process argument, which Linux limits to 128 KiB."""


@dataclass(frozen=True)
class CustomModule:
    """A module of the user's.

    Attributes:
      packed: As components are given it, see components.shared.custom_module.
      functions: Those of FUNCTIONS that it defines.
      components: Modules of `components` that it imports, by their dotted names.
    """

    packed: dict[str, Any]
    functions: frozenset[str]
    components: tuple[str, ...]

    @property
    def digests(self) -> dict[str, str]:
        """File name -> SHA-256 of the module and of the files that it imports from its folder."""
        return dict(self.packed["files"])


def read_module(settings: Path, named: str, tuned: bool) -> CustomModule:
    """Reads the custom module of a pipeline.toml.

    Args:
      settings: Path of the pipeline.toml.
      named: Value of `module_file`, relative to it.
      tuned: Whether a hyperparameter search is configured.

    Raises:
      ConfigError: The file does not exist, is not valid Python, defines none of FUNCTIONS, cannot be shipped to the
        components, or replaces the model while a hyperparameter search is configured.
    """
    path = settings.parent / named
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError(
            f"{settings}: [training] module_file: {path} is no Python file; the path is relative to {settings.name}"
        )
    sources: dict[str, str] = {}
    trees: list[ast.Module] = []
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file.name in sources:
            continue
        sources[file.name], tree = _read(file)
        trees.append(tree)
        waiting += [_beside(file.parent, name) for name in _imports(tree) if _is_beside(file, name)]
    functions = frozenset(name for name in FUNCTIONS if name in _names(trees[0]))
    if not functions:
        raise ConfigError(f"{path}: defines neither {' nor '.join(FUNCTIONS)}; define one of them at the top level")
    if "run_fn" in functions and tuned:
        raise ConfigError(f"{settings}: [tune] tunes the model that {path.name} replaces; take one of them out")
    for name in sources:
        _check_name(path.parent / name)
    found = packed(path.name, sources)
    if len(found["source"]) > LARGEST:
        raise ConfigError(
            f"{path}: is {len(found['source']) >> 10:,} KiB when packed with what it imports, more than the "
            f"{LARGEST >> 10} KiB that a step can be given; put large parts into an installed package"
        )
    used = sorted({name for tree in trees for name in _imports(tree) if name.partition(".")[0] == "components"})
    return CustomModule(found, functions, tuple(used))


def parameters(own: CustomModule | None, function: str) -> dict[str, Any]:
    """Returns the custom_config with which a component calls the module's function; empty if it defines none."""
    return {KEY: own.packed} if own is not None and function in own.functions else {}


def _read(path: Path) -> tuple[str, ast.Module]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return text, ast.parse(text)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc
    except SyntaxError as exc:
        raise ConfigError(f"{path}:{exc.lineno}: is no valid Python ({exc.msg})") from exc
    except ValueError as exc:  # not UTF-8, or a null byte
        raise ConfigError(f"{path}: is no valid Python ({exc})") from exc


def _imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of all absolute imports in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


def _names(tree: ast.Module) -> set[str]:
    """Names defined at the top level."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _beside(folder: Path, name: str) -> Path:
    return folder / f"{name.partition('.')[0]}.py"


def _is_beside(file: Path, name: str) -> bool:
    """Whether an import refers to a file of the same folder; ConfigError for a subfolder, which cannot be shipped."""
    folder = file.parent / name.partition(".")[0]
    if (folder / "__init__.py").is_file() and not _installed(folder.name, folder):
        raise ConfigError(f"{file}: imports {folder}, a folder; only single files beside the module go with it")
    return _beside(file.parent, name).is_file()


def _check_name(path: Path) -> None:
    """Raises ConfigError if the file has the name of an installed or standard module."""
    if path.stem in sys.stdlib_module_names or _installed(path.stem, path):
        raise ConfigError(f"{path}: has the name of another Python module; rename it")


def _installed(name: str, path: Path) -> bool:
    """Whether a top-level module of this name exists outside `path`."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    found = [Path(place).resolve() for place in places if place]
    return path.resolve() not in {*found, *(place.parent for place in found)}
