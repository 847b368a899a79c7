"""Settles what has to be settled before any test imports TensorFlow."""

import os

from hypothesis import settings

from pipeline.environment import settle

# One for all: a second Playwright cannot start beside the first.
from tests.browser.chromium import browser as browser
from tests.deploy.built_image import image_tag as image_tag

settle()

# CI tries the same examples every time: a change is judged by what it changed. Locally they are new each time.
settings.register_profile("ci", derandomize=True, deadline=None)  # nor does it fail because a machine is busy
if os.environ.get("CI"):
    settings.load_profile("ci")
