"""Settles what has to be settled before any test imports TensorFlow."""

import os

from hypothesis import settings

from pipeline.environment import settle

settle()

# CI tries the same examples every time: a change is judged by what it changed. Locally they are new each time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
