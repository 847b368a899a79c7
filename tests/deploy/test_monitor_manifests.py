"""deploy/kubernetes/monitor: the job reads the log that the server writes, and calls a command that there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli.command_line import build_parser

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "deploy" / "kubernetes"


def document(folder: str, name: str) -> Any:
    return yaml.safe_load((FOLDER / folder / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def job() -> Any:
    return document("monitor", "cronjob")["spec"]


def mounts(pod: Any) -> dict[str, str]:
    """Path -> claim."""
    held = [one for one in pod["volumes"] if "persistentVolumeClaim" in one]
    claims = {one["name"]: one["persistentVolumeClaim"]["claimName"] for one in held}
    (container,) = pod["containers"]
    return {one["mountPath"]: claims[one["name"]] for one in container["volumeMounts"] if one["name"] in claims}


def test_command_line_is_one_that_the_command_takes(job: Any) -> None:
    settings = document("monitor", "settings")["data"]
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    words = [re.sub(r"\$\((\w+)\)", lambda found: settings[found[1]], word) for word in container["args"]]
    assert container["command"] == ["plumbline", "monitor"]
    parsed = build_parser().parse_args(["monitor", *words])
    assert (parsed.dataset, parsed.once) == ("flights", True)
    home = Path(parsed.root) / settings["DATASET"]
    assert mounts(pod).keys() == {str(home), str(home / "requests")}
    assert (PROJECT / "schemas" / settings["DATASET"] / "pipeline.toml").is_file()


def test_log_is_that_of_the_server(job: Any) -> None:
    own = mounts(job["jobTemplate"]["spec"]["template"]["spec"])
    servers = mounts(document("serving", "deployment")["spec"]["template"]["spec"])
    assert servers.items() <= own.items()
    assert document("serving", "volume")["spec"]["accessModes"] == ["ReadWriteMany"]


def test_one_look_at_a_time_which_the_next_one_repeats(job: Any) -> None:
    assert job["concurrencyPolicy"] == "Forbid" and job["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert job["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 600
