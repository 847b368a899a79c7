"""Builds the container image once for all tests that inspect it or run in it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TOLD = "an-index-that-only-this-machine-knows.invalid"
"""Told to pip as a trusted host while the image is built: it takes the way that an index with a password takes."""


def _command(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, cwd=PROJECT, timeout=1800, **options)


@pytest.fixture(scope="session")
def image_tag() -> Iterator[str]:
    """Returns the tag of the image with pytest; all layers except the last are those of the released image.

    PLUMBLINE_TEST_IMAGE names an existing image, for work on these tests; otherwise it is built.
    """
    if ready := os.environ.get("PLUMBLINE_TEST_IMAGE"):
        yield ready
        return
    missing = [tool for tool in ("buildah", "mmdebstrap") if shutil.which(tool) is None]
    why = ""
    if missing:
        why = f"no {' and no '.join(missing)} here; deploy/test_packages.sh installs them"
    elif os.geteuid() != 0:
        why = "building a base image from Debian's packages needs root"
    if why:
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    name = f"localhost/plumbline:test-{os.getpid()}"
    chosen = {"TARGET": "test", "ENGINE": "buildah", "NO_CACHE": "1", "PIP_TRUSTED_HOST": TOLD}
    built = _command("bash", "deploy/image/build.sh", name, env={**os.environ, **chosen})
    assert built.returncode == 0, built.stderr
    yield name
    _command("buildah", "rmi", name)
