"""What a call stack says: the phase of a run it belongs to, and who is at work."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Literal

Phase = Literal["import", "executor", "launcher", "other"]
"""`launcher` is TFX's driver and publisher with ML Metadata, or what stands in for them in a cached run."""

OWN = ("pipeline", "components", "data")

_WAITING = frozenset(
    {"threading", "queue", "selectors", "concurrent.futures._base", "concurrent.futures.thread", "time"}
)
"""Modules in whose functions a thread waits for another one."""

_LAUNCHERS = frozenset({"tfx.orchestration.portable.launcher", "pipeline.runners.local.cached_nodes"})


@dataclass(frozen=True)
class StackFrame:
    """One frame: the module of its code, the function, and of an import the module that is asked for."""

    module: str
    function: str
    imports: str = ""


def calls(frame: FrameType | None) -> list[StackFrame]:
    """A stack, the innermost call first; without those of the profile itself."""
    found = []
    while frame is not None:
        module, function = frame.f_globals.get("__name__") or "", frame.f_code.co_name
        is_import = module == "importlib._bootstrap" and function == "_find_and_load"
        if not module.startswith("pipeline.runners.profiling."):
            found.append(StackFrame(module, function, str(frame.f_locals.get("name", "")) if is_import else ""))
        frame = frame.f_back
    return found


def phase(stack: Sequence[StackFrame]) -> Phase:
    """The phase to which the main thread's stack belongs."""
    if any(call.imports for call in stack):
        return "import"
    names = {(call.module, call.function) for call in stack}
    if ("tfx.orchestration.portable.launcher", "_run_executor") in names:
        return "executor"
    return "launcher" if any(module in _LAUNCHERS for module, _ in names) else "other"


def waits(stack: Sequence[StackFrame]) -> bool:
    """Whether a thread waits for another one."""
    return not stack or stack[0].module in _WAITING


def at_work(stack: Sequence[StackFrame]) -> str:
    """Who is at work: "import numpy", or the innermost function of ours and the library that it has called.

    Such as "components.trainer.fitting.fit > sklearn"; the library alone where no function of ours has called it.
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
