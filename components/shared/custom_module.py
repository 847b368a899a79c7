"""Runs functions of a user's Python module that a component receives as text in its parameters.

Only the text is passed, so the module runs wherever the component does, without pip, a wheel or an image of its own. It
is packed as

    {"file": "my_model.py", "files": {"my_model.py": SHA-256, "helper.py": SHA-256}, "source": zlib and base64 of a JSON
     object, file name -> text}
"""

import base64
import hashlib
import importlib
import inspect
import json
import sys
import traceback
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from components.shared.errors import ConfigError, PlumblineError
from components.shared.texts.file_names import checked

KEY = "module"
"""Key of the packed module in a component's custom_config."""


def packed(file: str, sources: Mapping[str, str]) -> dict[str, Any]:
    """Packs a module and the files that it imports, file name -> text, for a component's parameter."""
    text = json.dumps(dict(sorted(sources.items()))).encode()
    digests = {name: hashlib.sha256(source.encode()).hexdigest() for name, source in sorted(sources.items())}
    return {"file": file, "files": digests, "source": base64.b64encode(zlib.compress(text, 9)).decode()}


def call(module: Mapping[str, Any], function: str, *arguments: Any) -> Any:
    """Calls a function of a packed module, with as many of the arguments as it has parameters.

    Args:
      module: The packed module.
      function: Name of the function.
      *arguments: Positional arguments; surplus ones are dropped.

    Returns:
      The result of the function.

    Raises:
      ConfigError: The module cannot be imported, or the function raises; the message names file and line. The traceback
        is printed to stderr.
    """
    with _imported(module) as (found, folder):
        try:
            called = getattr(found, function)
            return called(*arguments[: _takes(called, len(arguments))])
        except PlumblineError:
            raise
        except (Exception, SystemExit) as exc:  # sys.exit() in a module would end the run with exit code 0
            traceback.print_exc()
            raise ConfigError(f"{_place(exc, folder, module['file'])}: {function} raised {_error_line(exc)}") from exc


@contextmanager
def _imported(module: Mapping[str, Any]) -> Iterator[tuple[ModuleType, Path]]:
    """Imports the module from a temporary folder on sys.path; its modules are removed from sys.modules afterwards."""
    sources: dict[str, str] = json.loads(zlib.decompress(base64.b64decode(module["source"])))
    names = [Path(file).stem for file in sources]
    with TemporaryDirectory(prefix="plumbline-module-") as temporary:
        folder = Path(temporary)
        for file, text in sources.items():
            checked(file, "a module's file")
            (folder / file).write_text(text, encoding="utf-8")
        hidden = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        sys.path.insert(0, temporary)
        importlib.invalidate_caches()
        try:
            try:
                found = importlib.import_module(Path(module["file"]).stem)
            except (Exception, SystemExit) as exc:
                traceback.print_exc()
                raise ConfigError(
                    f"{_place(exc, folder, module['file'])}: cannot be imported: {_error_line(exc)}"
                ) from exc
            yield found, folder
        finally:
            sys.path.remove(temporary)
            for name in names:
                sys.modules.pop(name, None)
            sys.modules.update(hidden)


def _takes(function: Any, most: int) -> int:
    """Number of positional arguments that a function accepts, at most `most`."""
    kinds = [one.kind for one in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return most
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(most, sum(kind in positional for kind in kinds))


def _place(exc: BaseException, folder: Path, file: str) -> str:
    """Returns `file:line` in the user's code where an exception, or else its cause, was raised."""
    if isinstance(exc, SyntaxError) and exc.filename and Path(exc.filename).parent == folder:
        return f"{Path(exc.filename).name}:{exc.lineno}"
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if Path(frame.filename).parent == folder]
    if frames:
        return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return _place(exc.__cause__, folder, file) if exc.__cause__ is not None else file


def _error_line(exc: BaseException) -> str:
    """Type and message on one line: the last line of TensorFlow's message about traced code, else the first."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()] or [""]
    line = lines[-1] if lines[0].startswith("in user code") else lines[0]
    return f"{type(exc).__name__}: {line}"[:300] if line else type(exc).__name__
