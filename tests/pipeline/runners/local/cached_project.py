"""A project whose next run finds everything in the cache, made without a run."""

from pathlib import Path

import pytest

from pipeline.preflight.data_check import check_data, source_of
from pipeline.runners.local.cache_record import keep, nodes_of_run
from pipeline.runners.local.run_plan import plan_run
from pipeline.settings.config import find_config, load_config
from tests.pipeline.runners.local.two_nodes import Toy


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
