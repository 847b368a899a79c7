"""What a stack says, on stacks written by hand: the innermost call first."""

import sys

import pytest

from pipeline.runners.profiling.stack import StackFrame, at_work, calls, phase, waits

IMPORTS_NUMPY = [
    StackFrame("importlib._bootstrap", "_find_and_load", "numpy._core"),
    StackFrame("numpy", "<module>"),
    StackFrame("importlib._bootstrap", "_find_and_load", "tensorflow"),
    StackFrame("pipeline.dag", "<module>"),
]
FITS = [
    StackFrame("threading", "wait"),
    StackFrame("sklearn.ensemble.gbm", "fit"),
    StackFrame("components.trainer.fitting", "fit"),
    StackFrame("tfx.orchestration.portable.launcher", "_run_executor"),
    StackFrame("tfx.orchestration.portable.launcher", "launch"),
    StackFrame("pipeline.runners.local.node_launcher", "launch"),
]
PUBLISHES = [StackFrame("ml_metadata.store", "put"), *FITS[4:]]
RECORDS = [
    StackFrame("ml_metadata.store", "put"),
    StackFrame("pipeline.runners.local.cached_nodes", "launch"),
    StackFrame("__main__", "<module>"),
]
READS = [
    StackFrame("json", "loads"),
    StackFrame("pipeline.preflight.data_check", "check_data"),
    StackFrame("__main__", "<module>"),
]


@pytest.mark.parametrize(
    ("stack", "expected_phase", "who"),
    [
        (IMPORTS_NUMPY, "import", "import numpy"),
        (IMPORTS_NUMPY[2:], "import", "import tensorflow"),
        (
            [StackFrame("importlib._bootstrap", "_find_and_load", "json"), *IMPORTS_NUMPY[2:]],
            "import",
            "import tensorflow",
        ),
        (FITS, "executor", "components.trainer.fitting.fit > sklearn"),
        (PUBLISHES, "launcher", "pipeline.runners.local.node_launcher.launch > ml_metadata"),
        (RECORDS, "launcher", "pipeline.runners.local.cached_nodes.launch > ml_metadata"),
        (READS, "other", "pipeline.preflight.data_check.check_data"),
        ([StackFrame("apache_beam.runners", "process"), StackFrame("threading", "run")], "other", "apache_beam"),
        ([StackFrame("json", "loads")], "other", "python"),
        ([], "other", "python"),
    ],
)
def test_phase_and_who(stack: list[StackFrame], expected_phase: str, who: str) -> None:
    assert phase(stack) == expected_phase
    assert at_work(stack) == who


def test_an_import_inside_an_executor_is_an_import() -> None:
    assert phase([*IMPORTS_NUMPY[:1], *FITS]) == "import"


def test_waiting() -> None:
    assert waits(FITS)
    assert not waits(FITS[1:])
    assert waits([])


def test_a_real_stack() -> None:
    stack = calls(sys._getframe())
    assert (stack[0].module, stack[0].function) == (__name__, "test_a_real_stack")
    assert phase(stack) == "other"
