import pytest

from tests.components.error_analysis import made_up


@pytest.fixture(scope="session")
def world():
    """8,000 rows without any weak slice."""
    return made_up.world()
