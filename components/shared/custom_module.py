"""A user's own Python module, as text in a component's parameters: imported there, called, and what it raises told.

Only its text travels, so it runs wherever the component does, without pip, a wheel or an image of its own. Packed:

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
"""Of a component's custom_config."""


def packed(file: str, sources: Mapping[str, str]) -> dict[str, Any]:
    """A module and the files that it imports, file name -> text, as a component's parameter."""
    text = json.dumps(dict(sorted(sources.items()))).encode()
    digests = {name: hashlib.sha256(source.encode()).hexdigest() for name, source in sorted(sources.items())}
    return {"file": file, "files": digests, "source": base64.b64encode(zlib.compress(text, 9)).decode()}


def call(module: Mapping[str, Any], function: str, *arguments: Any) -> Any:
    """What a function of a packed module returns; of the arguments it is given as many as it takes.

    Raises:
      ConfigError: The module cannot be imported, or the function raises; file and line are named. The trace goes to
        stderr.
    """
    with _imported(module) as (found, folder):
        try:
            called = getattr(found, function)
            return called(*arguments[: _takes(called, len(arguments))])
        except PlumblineError:
            raise
        except (Exception, SystemExit) as exc:  # a module that calls sys.exit() would end the run as if it were done
            traceback.print_exc()
            raise ConfigError(f"{_place(exc, folder, module['file'])}: {function} raised {_said(exc)}") from exc


@contextmanager
def _imported(module: Mapping[str, Any]) -> Iterator[tuple[ModuleType, Path]]:
    """The module and the folder it lies in, while it is on sys.path; nothing of it stays imported afterwards."""
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
                raise ConfigError(f"{_place(exc, folder, module['file'])}: cannot be imported: {_said(exc)}") from exc
            yield found, folder
        finally:
            sys.path.remove(temporary)
            for name in names:
                sys.modules.pop(name, None)
            sys.modules.update(hidden)


def _takes(function: Any, most: int) -> int:
    """How many positional arguments a function takes, at most `most`."""
    kinds = [one.kind for one in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return most
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(most, sum(kind in positional for kind in kinds))


def _place(exc: BaseException, folder: Path, file: str) -> str:
    """`file:line` of the user's code in which an exception was raised; of what it was raised from, if need be."""
    if isinstance(exc, SyntaxError) and exc.filename and Path(exc.filename).parent == folder:
        return f"{Path(exc.filename).name}:{exc.lineno}"
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if Path(frame.filename).parent == folder]
    if frames:
        return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return _place(exc.__cause__, folder, file) if exc.__cause__ is not None else file


def _said(exc: BaseException) -> str:
    """Type and message, on one line. TensorFlow tells what happened in traced code at the end, else it is the first."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()] or [""]
    line = lines[-1] if lines[0].startswith("in user code") else lines[0]
    return f"{type(exc).__name__}: {line}"[:300] if line else type(exc).__name__
