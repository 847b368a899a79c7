"""A compiled pipeline carries a module of the user's own: the steps need nothing but the YAML and the image."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.shared.custom_module import call
from pipeline.settings.config import find_config, load_config

pytestmark = pytest.mark.slow


@pytest.fixture
def tasks(project: Path, tmp_path: Path) -> dict[str, Any]:
    """Tasks of the flights' pipeline with a run_fn of one's own, compiled; then the sources are gone."""
    from pipeline.runners.kubeflow.runner import compile_pipeline

    path = find_config("flights")
    path.write_text(path.read_text().replace("[training]\n", '[training]\nmodule_file = "my_model.py"\n', 1))
    path.with_name("my_model.py").write_text(
        "import my_helper\n\ndef run_fn(fn_args):\n    return my_helper.ö, fn_args\n"
    )
    path.with_name("my_helper.py").write_text("ö = '{{$.inputs}} ö'\n")
    output = tmp_path / "flights.yaml"
    compile_pipeline(load_config(path), data="data/flights", root="/root", image="plumbline:test", output=output)
    path.with_name("my_model.py").unlink()
    path.with_name("my_helper.py").unlink()
    return dict(next(yaml.safe_load_all(output.read_text()))["root"]["dag"]["tasks"])


def test_it_is_in_the_parameters_of_the_step_that_calls_it(tasks: dict[str, Any]) -> None:
    found = {name: task["inputs"]["parameters"].get("custom_config") for name, task in tasks.items()}
    configs = {name: json.loads(one["runtimeValue"]["constant"]) for name, one in found.items() if one}
    assert {name for name, config in configs.items() if "module" in config} == {"Trainer"}
    module = configs["Trainer"]["module"]
    assert call(module, "run_fn", 7) == ("{{$.inputs}} ö", 7)
    # Packed, so that no text in it is taken for one of KFP's own placeholders.
    assert "{{" not in module["source"]
    assert set(json.loads(zlib.decompress(base64.b64decode(module["source"])))) == {"my_model.py", "my_helper.py"}
