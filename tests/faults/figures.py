"""Prints the numbers of faults tried and survived at the end of a pytest session, summed over xdist workers."""

from typing import Any

import pytest

from tests.faults import trials


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its counts to the process that started it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["faults"] = [dict(trials.tried), dict(trials.survived)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A hook of pytest-xdist's: a worker has ended."""
    for counter, counts in zip(
        (trials.tried, trials.survived), getattr(node, "workeroutput", {}).get("faults", ({}, {})), strict=True
    ):
        counter.update(counts)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints them."""
    if trials.tried:
        terminalreporter.section(f"faults, SEED={trials.SEED}")
        for line in trials.table():
            terminalreporter.write_line(line)
