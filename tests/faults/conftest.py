"""Fault-injection tests: a quick part that runs with the other tests, and a long part (`make test-faults`)."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server
from tests.faults.file_layer import FileLayer
from tests.faults.trials import SEED, Trials
from tests.faults.workplace import Workplace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is not of the long part is `e2e`, where it runs the pipeline."""
    for item in items:
        ours = Path(__file__).parent in item.path.parents
        if ours and not item.get_closest_marker("faults") and "place" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> FileLayer:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler, which builds the fault-injecting file layer")
    return FileLayer(tmp_path_factory.mktemp("layer"))


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory, layer: FileLayer) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("faults"), layer)


@pytest.fixture
def place(workplace: Workplace) -> Workplace:
    """The session's, whose root each trial puts back first."""
    return workplace


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Trials:
    """Of the test's @pytest.mark.kind. The long part's random numbers follow from SEED, the quick part's are fixed."""
    kind = request.node.get_closest_marker("kind").args[0]
    seed = SEED if request.node.get_closest_marker("faults") else 0
    return Trials(kind, random.Random(f"{seed} {request.node.name}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    """A test fails if one of its trials did; the others were tried all the same."""
    result = yield
    found = getattr(item, "funcargs", {}).get("trials")
    if found is not None and found.failures:
        listed = "\n".join(found.failures)
        pytest.fail(f"{len(found.failures)} faults were not survived (SEED={SEED}):\n{listed}", pytrace=False)
    return result
