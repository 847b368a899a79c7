"""A project whose next run finds everything in the cache, made without a run."""

from pathlib import Path

import pytest

from pipeline.config import find_config, load_config
from pipeline.local_plan import plan_run
from pipeline.preflight import check_data, source_of
from pipeline.reuse.record import keep, nodes_of_run
from tests.pipeline.reuse.two_nodes import Toy


@pytest.fixture
def cached_project(project: Path) -> Path:
    """A project whose next run finds everything in the cache: metadata and record as a run leaves them."""
    root = project / "runs"
    config = load_config(find_config("flights"))
    source = source_of(config, config.data.directory)
    checked = check_data(source, None, root / "flights" / "cache" / "scans.json")
    plan = plan_run(config, root, "first", source, checked)
    toy = Toy(plan.home, "flights")
    toy.complete("first")
    keep(plan.home, plan.key, nodes_of_run(toy.store, "first"))
    return project
