"""Modules are missing within it and there afterwards; the DAG does without those that are named."""

import json
import subprocess
import sys

import pytest

from pipeline.process.light_imports import UNUSED, without


def test_missing_within_and_there_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with without(["colorsys", "json"]):
        with pytest.raises(ImportError):
            import colorsys
        import json as still_there

        assert still_there is sys.modules["json"]
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0)


def test_an_error_within_it_hides_nothing_for_good() -> None:
    sys.modules.pop("colorsys", None)
    with pytest.raises(ValueError, match="stop"), without(["colorsys"]):
        raise ValueError("stop")
    assert "colorsys" not in sys.modules


PROBE = """
import contextlib, json, sys
from pipeline.process.environment import configure_environment
configure_environment()
from pipeline.process.light_imports import without
with without() if sys.argv[1] == "light" else contextlib.nullcontext():
    import pipeline.dag, pipeline.runners.local.node_launcher
loaded = sorted(sys.modules)
names = {name: sorted(dir(sys.modules[name])) for name in sys.argv[2:]}
import apache_beam.io.gcp.bigquery
from tfx.components.evaluator.component import Evaluator
print(json.dumps([loaded, names]))
"""
WHOLE = (
    "tensorflow",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "tensorflow_transform",
    "tfx_bsl",
    "keras",
    "tfx.orchestration.portable.launcher",
)
"""Packages that must offer what they offer without it: some catch an ImportError within, and go on with less."""


def probe(how: str) -> tuple[set[str], dict[str, list[str]]]:
    """Modules that are loaded, and what is in those of WHOLE, once the DAG is imported."""
    done = subprocess.run([sys.executable, "-c", PROBE, how, *WHOLE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded, names = json.loads(done.stdout.splitlines()[-1])
    return set(loaded), names


@pytest.mark.slow
def test_the_dag_does_without_them() -> None:
    loaded, names = probe("light")
    assert "tfx.orchestration.portable.launcher" in loaded
    heavy = {"kubernetes", "google.cloud.bigquery", "google.cloud.storage", "boto3", "matplotlib", "altair"}
    assert loaded & {*UNUSED, *heavy, "keras_tuner", "kfp", "vl_convert"} == set()
    assert names == probe("whole")[1]
