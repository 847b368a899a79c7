"""Projects and models that the tests of several components share; each is created once per session."""

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.components.trainer.projects import Project, Rows


@pytest.fixture(scope="session", autouse=True)
def arguments_of_ours_alone() -> Iterator[None]:
    """Replaces sys.argv, because TFX's Beam executors parse it and pytest's -v is an invalid --verbosity to them."""
    given, sys.argv = sys.argv, sys.argv[:1]
    yield
    sys.argv = given


@pytest.fixture(scope="session")
def made_up() -> "Callable[..., Rows]":
    """(count, seed) -> rows."""
    from tests.components.trainer.projects import make_rows

    return make_rows


@pytest.fixture(scope="session")
def encode() -> "Callable[[Rows], list[bytes]]":
    """Rows -> serialized examples."""
    from tests.components.trainer.projects import serialize

    return serialize


@pytest.fixture(scope="session")
def new_project() -> "type[Project]":
    """(folder, rows, task) -> a new Project."""
    from tests.components.trainer.projects import Project

    return Project


@pytest.fixture(scope="session")
def project(
    tmp_path_factory: pytest.TempPathFactory, new_project: "type[Project]", made_up: "Callable[..., Rows]"
) -> "Callable[[str], Project]":
    """task -> a Project with 300 rows."""
    return functools.cache(lambda task: new_project(tmp_path_factory.mktemp(task), made_up(300), task))


@pytest.fixture(scope="session")
def trained(project: "Callable[[str], Project]") -> Callable[[str], Path]:
    """task -> the folder of a SavedModel, trained for two epochs."""
    return functools.cache(lambda task: project(task).train())


@pytest.fixture(scope="session")
def trained_otherwise(project: "Callable[[str], Project]") -> Path:
    """The folder of another SavedModel of the binary task, trained like `trained` but with another seed."""
    return project("binary").train("other", seed=14)
