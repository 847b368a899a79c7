"""A folder with a pipeline of shell commands."""

from pathlib import Path

import pytest

from tests.pipeline.runners.dry_run.pipelines import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
