"""What a run with nothing to do imports: none of the libraries that take seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.pipeline.runners.local.cached_project import cached_project as cached_project

HERE = Path(__file__).resolve().parents[4]
SLOW = (
    "tensorflow tensorflow_data_validation tensorflow_model_analysis tensorflow_transform tfx tfx_bsl apache_beam "
    "keras tf_keras pandas scipy sklearn statsmodels cleanlab altair vl_convert keras_tuner kfp mlflow IPython"
)
RUN = """
import json, sys
from pipeline.cli import main
code = main(["run", "--dataset", "flights", "--json"])
print(json.dumps([code, sorted(set(sys.argv[1].split()) & set(sys.modules))]))
"""


def test_a_cached_run_imports_nothing_slow(cached_project: Path) -> None:
    # Charts would need a renderer, which this run, without a model, has none to draw with: see test_drawn.
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, SLOW], cwd=cached_project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    summary, (code, slow) = (json.loads(line) for line in done.stdout.splitlines())
    assert code == 0
    assert slow == []
    assert states(summary) == {"Make": "cached", "Use": "cached"}
    assert Path(summary["report"]).name == "report.html"
    assert Path(summary["report"]).is_file()
    kept = cached_project / "runs" / "flights" / "reports" / summary["run_id"] / "summary.json"
    assert json.loads(kept.read_text()) == summary


def states(summary: dict[str, Any]) -> dict[str, str]:
    return {component["id"]: component["state"] for component in summary["components"]}
