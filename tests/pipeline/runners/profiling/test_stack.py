"""What a stack says, on stacks written by hand: the innermost call first."""

import sys

import pytest

from pipeline.runners.profiling.stack import Call, at_work, calls, phase, waits

IMPORTS_NUMPY = [
    Call("importlib._bootstrap", "_find_and_load", "numpy._core"),
    Call("numpy", "<module>"),
    Call("importlib._bootstrap", "_find_and_load", "tensorflow"),
    Call("pipeline.dag", "<module>"),
]
FITS = [
    Call("threading", "wait"),
    Call("sklearn.ensemble.gbm", "fit"),
    Call("components.trainer.fitting", "fit"),
    Call("tfx.orchestration.portable.launcher", "_run_executor"),
    Call("tfx.orchestration.portable.launcher", "launch"),
    Call("pipeline.runners.local.node_launcher", "launch"),
]
PUBLISHES = [Call("ml_metadata.store", "put"), *FITS[4:]]
RECORDS = [
    Call("ml_metadata.store", "put"),
    Call("pipeline.runners.local.cached_nodes", "launch"),
    Call("__main__", "<module>"),
]
READS = [Call("json", "loads"), Call("pipeline.preflight.data_check", "check_data"), Call("__main__", "<module>")]


@pytest.mark.parametrize(
    ("stack", "expected_phase", "who"),
    [
        (IMPORTS_NUMPY, "import", "import numpy"),
        (IMPORTS_NUMPY[2:], "import", "import tensorflow"),
        ([Call("importlib._bootstrap", "_find_and_load", "json"), *IMPORTS_NUMPY[2:]], "import", "import tensorflow"),
        (FITS, "executor", "components.trainer.fitting.fit > sklearn"),
        (PUBLISHES, "launcher", "pipeline.runners.local.node_launcher.launch > ml_metadata"),
        (RECORDS, "launcher", "pipeline.runners.local.cached_nodes.launch > ml_metadata"),
        (READS, "other", "pipeline.preflight.data_check.check_data"),
        ([Call("apache_beam.runners", "process"), Call("threading", "run")], "other", "apache_beam"),
        ([Call("json", "loads")], "other", "python"),
        ([], "other", "python"),
    ],
)
def test_phase_and_who(stack: list[Call], expected_phase: str, who: str) -> None:
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
