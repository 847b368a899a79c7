import subprocess
import sys

import pytest

MODULES = ("paths", "predict", "examples_api", "status", "metadata", "open_inference", "openapi")


@pytest.mark.parametrize("module", MODULES)
def test_the_rest_layer_starts_without_tensorflow(module):
    program = (
        f"import sys, serving.rest.{module}; print([one for one in ('tensorflow', 'pyarrow') if one in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
