"""Marks end-to-end tests as `e2e` and gives each module its own project."""

from pathlib import Path

import pytest

from tests.e2e.project import Project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test of this folder as `e2e`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))
