"""Settles what has to be settled before any test imports TensorFlow."""

import os

from hypothesis import settings

from pipeline.process.environment import configure_environment

# One for all: a second Playwright cannot start beside the first.
from tests.browser.chromium import browser as browser
from tests.deploy.built_image import image_tag as image_tag
from tests.faults.figures import pytest_sessionfinish as pytest_sessionfinish
from tests.faults.figures import pytest_terminal_summary as pytest_terminal_summary
from tests.faults.figures import pytest_testnodedown as pytest_testnodedown
from tests.projects import place as place
from tests.projects import project as project

configure_environment()

# CI tries the same examples every time: a change is judged by what it changed. Locally they are new each time.
settings.register_profile("ci", derandomize=True, deadline=None)  # nor does it fail because a machine is busy
if os.environ.get("CI"):
    settings.load_profile("ci")
