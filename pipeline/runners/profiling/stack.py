"""Classifies call stacks: the phase of a run, and the function that is running."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Literal

Phase = Literal["import", "executor", "launcher", "other"]
"""`launcher` is TFX's driver and publisher with ML Metadata, or `cached_nodes` in a cached run."""

OWN = ("pipeline", "components", "serving", "monitor", "data")

_WAITING = frozenset(
    {"threading", "queue", "selectors", "concurrent.futures._base", "concurrent.futures.thread", "time"}
)
"""Modules in whose functions a thread waits for another thread."""

_LAUNCHERS = frozenset({"tfx.orchestration.portable.launcher", "pipeline.runners.local.cached_nodes"})


@dataclass(frozen=True)
class StackFrame:
    """A frame of a call stack.

    Attributes:
      module: Module of the code.
      function: Name of the function.
      imports: Of an import statement the imported module, else "".
    """

    module: str
    function: str
    imports: str = ""


def calls(frame: FrameType | None) -> list[StackFrame]:
    """Converts a stack to calls, innermost first, without the calls of the profiler."""
    found = []
    while frame is not None:
        module, function = frame.f_globals.get("__name__") or "", frame.f_code.co_name
        is_import = module == "importlib._bootstrap" and function == "_find_and_load"
        if not module.startswith("pipeline.runners.profiling."):
            found.append(StackFrame(module, function, str(frame.f_locals.get("name", "")) if is_import else ""))
        frame = frame.f_back
    return found


def phase(stack: Sequence[StackFrame]) -> Phase:
    """Returns the phase of the main thread's stack."""
    if any(call.imports for call in stack):
        return "import"
    names = {(call.module, call.function) for call in stack}
    if ("tfx.orchestration.portable.launcher", "_run_executor") in names:
        return "executor"
    return "launcher" if any(module in _LAUNCHERS for module, _ in names) else "other"


def waits(stack: Sequence[StackFrame]) -> bool:
    """Returns whether a thread waits for another thread."""
    return not stack or stack[0].module in _WAITING


def at_work(stack: Sequence[StackFrame]) -> str:
    """Describes what a stack is executing.

    Returns:
      "import numpy" during an import; else the project's innermost function and the library that it calls, such as
      "components.trainer.fitting.fit > sklearn"; or the library alone if the project did not call it.
    """
    for call in stack:
        if call.imports and not _is_stdlib(call.imports):
            return f"import {_package(call.imports)}"
    own = next((f"{call.module}.{call.function}" for call in stack if _package(call.module) in OWN), "")
    library = next((_package(call.module) for call in stack if not _is_stdlib(call.module)), "")
    if not library or library in OWN:
        return own or "python"
    return f"{own} > {library}" if own else library


def _package(module: str) -> str:
    return module.partition(".")[0]


def _is_stdlib(module: str) -> bool:
    package = _package(module)
    return not package or package in sys.stdlib_module_names or package in ("__main__", "__mp_main__")
