"""Quantities, and the order of who says what a step needs."""

from decimal import Decimal

import pytest

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.compatibility import check_runnable
from pipeline.runners.kubeflow.plan import resolve_plan
from pipeline.runners.kubeflow.steps import check_components, cores, equip, needs, size
from pipeline.settings.config import Config, load_config
from pipeline.settings.sections.kubeflow import Component, KubeflowSection
from tests.pipeline.runners.kubeflow.steps import PROJECT
from tests.projects import load_flights


def flights(**settings: object) -> Config:
    config = load_config(PROJECT / "schemas" / "flights" / "pipeline.toml")
    return config.model_copy(update={"kubeflow": KubeflowSection(**settings)})


@pytest.mark.parametrize(("text", "number"), [("4", 4), ("0.5", 0.5), ("500m", 0.5), ("", 0)])
def test_cores(text: str, number: float) -> None:
    assert cores(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("1Ki", 1024), ("8Gi", 8 * 2**30), ("1.5G", 1_500_000_000), ("2k", 2000), ("7", 7), ("", 0)]
)
def test_size(text: str, number: int) -> None:
    assert size(text) == Decimal(number)


def test_own_table_before_default_before_all() -> None:
    config = flights(memory="1Gi", retries=5, components={"Trainer": Component(cpu=16)})
    trainer, pusher, gate = (needs(config, name) for name in ("Trainer", "RegistryPusher", "DataGate"))
    assert (trainer.cpu, trainer.memory, trainer.retries) == ("16", "8Gi", 5)
    assert (pusher.cpu, pusher.memory, pusher.retries) == ("2", "1Gi", 5)
    assert (gate.memory, gate.retries) == ("1Gi", 0)


@pytest.mark.parametrize(
    ("target", "asked", "window"),
    [("kubeflow", 604800, "604800s"), ("vertex", 604800, "3600s"), ("vertex", 60, "60s")],
)
def test_vertex_retries_for_an_hour_at_most(target: str, asked: int, window: str) -> None:
    config, task = flights(retry_window=asked), {}
    spec = {"deploymentSpec": {"executors": {"Trainer_executor": {"container": {}}}}}
    plan = resolve_plan(
        config, data="gs://bucket/spans", root="gs://bucket/root", image="plumbline:test", target=target
    )
    equip({**spec, "root": {"dag": {"tasks": {"Trainer": task}}}}, config, plan, target)
    assert task["retryPolicy"]["backoffMaxDuration"] == window


def test_unknown_component_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"components\.Pusher: no such component; legal: RegistryPusher, Trainer"):
        check_components(flights(components={"Pusher": Component(cpu=1)}), ["Trainer", "RegistryPusher"])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("[kubeflow]\nimagee = 'x'", r"\[kubeflow\] imagee: unknown key; did you mean image\? legal keys: data, root"),
        (
            "[kubeflow.components.Trainer]\ncpuu = 1",
            r"components\.Trainer\.cpuu: unknown key; did you mean cpu\? legal keys: cpu, cpu_req",
        ),
        ("[kubeflow.components.Trainer]\nmemory = '8 GB'", r"components\.Trainer\.memory: .*not '8 GB'"),
        ("[kubeflow.components.Trainer]\naccelerators = 1", "the name and the number belong together"),
        ("[kubeflow]\ncpu = true", r"\[kubeflow\] cpu: .*not True"),
    ],
)
def test_bad_settings_are_one_line(lines: str, said: str, tmp_path) -> None:
    with pytest.raises(ConfigError, match=said):
        load_flights(tmp_path, lines)


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        ({"resolver": {}}, "Latest: is a resolver, which open-source Kubeflow Pipelines does not implement"),
        ({"container": {"lifecycle": {}}}, "Latest: needs a driver"),
        ({"importer": {"artifactUri": {"runtimeParameter": "uri"}}}, "Latest: an importer without a constant URI"),
    ],
)
def test_what_the_backend_refuses(executor: dict, said: str) -> None:
    spec = {
        "components": {"Latest": {"executorLabel": "Latest_executor"}},
        "deploymentSpec": {"executors": {"Latest_executor": executor}},
    }
    with pytest.raises(ConfigError, match=said):
        check_runnable(spec)
