"""`plumbline promote`, `rollback` and `canary` on a registry, a metadata store and a request log."""

import json
import time

import numpy as np
import pytest

from benchmarks.synthetic_history import History
from pipeline.cli import main
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter


@pytest.fixture
def history(project) -> History:
    """Three runs: version 3 is live, 2 is previous."""
    made = History(project / "runs" / "flights")
    for span in (3, 4, 5):
        made.add(train=[span - 2, span - 1], evaluation=span)
    return made


@pytest.fixture
def plumbline(history, capsys):
    """Runs a command on the flights; returns its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--dataset", "flights"])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def settings(project, text: str) -> None:
    with (project / "schemas" / "flights" / "pipeline.toml").open("a") as file:
        file.write(f"\n[canary]\n{text}\n")


def served(history, requests: int, status: int = 200) -> None:
    """Logs requests of both arms, 1 in 5 of them of the canary."""
    labels = history.registry.labels()
    rng = np.random.default_rng(41)
    writer = RequestLogWriter(history.home / "requests", LogSettings())
    for label, version, size in (("live", labels.live, 4 * requests), ("canary", labels.canary, requests)):
        codes = np.where(rng.random(size) < 0.3, status if label == "canary" else 200, 200)
        writer.append(
            Records(
                "flights",
                version,
                label,
                [f"{label}-{labels.key}-{number}" for number in range(size)],
                np.full(size, time.time_ns() // 1000),
                0.01 * rng.lognormal(0, 0.2, size),
                codes,
                outputs={"probability": rng.beta(2, 5, size)},
                row=np.zeros(size, np.int32),
            )
        )
    writer.close()


def test_promote_and_rollback_are_recorded(plumbline, history):
    assert plumbline("promote", "2", "--reason", "complaints") == (0, "version 2 is live, version 3 was\n", "")
    assert history.registry.labels().live == 2
    code, out, _ = plumbline("rollback", "--json")
    assert (code, json.loads(out)) == (0, {"live": 3, "rolled_back": 2})
    _, out, _ = plumbline("runs", "--json")
    found = json.loads(out)["decisions"]
    assert [(one["action"], one["version"], one["live"], one["by"], one["reason"]) for one in found] == [
        ("rollback", 2, 3, "person", ""),
        ("promote", 2, 2, "person", "complaints"),
    ]
    assert len(json.loads(out)["runs"]) == 3
    assert "promoted version 2 (live: 2), person: complaints" in plumbline("runs")[1]
    _, out, _ = plumbline("lineage", "2")
    assert "rolled back version 2 (live: 3), person" in out
    assert json.loads(plumbline("lineage", "3", "--json")[1])["decisions"] == []


def test_a_decision_is_linked_to_the_pushed_artifact(plumbline, history):
    plumbline("promote", "1")
    (execution,) = history.store.get_executions_by_type("plumbline.Decision")
    (event,) = history.store.get_events_by_execution_ids([execution.id])
    (artifact,) = history.store.get_artifacts_by_id([event.artifact_id])
    assert artifact.custom_properties["pushed_version"].string_value == "1"
    (context,) = history.store.get_contexts_by_type("plumbline.registry")
    assert context.name == history.registry.labels().id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "9"], "version 9 does not exist; available: 1, 2, 3"),
        (["promote", "live"], "version 3: is live already"),
        (["promote"], "no version is the canary; name a version to promote"),
        (["canary", "start", "3"], "version 3: is live, so it cannot be the canary"),
        (["canary", "start", "2", "--share", "1.5"], "share 1.5: must be above 0 and at most 1"),
        (["canary", "stop"], "nothing to stop"),
        (["canary", "watch"], "no version is the canary"),
    ],
)
def test_refusals_are_one_line_and_change_nothing(plumbline, history, arguments, message):
    before = history.registry.labels()
    code, out, err = plumbline(*arguments)
    assert (code, out) == (2, "")
    assert message in err and len(err.splitlines()) == 1
    assert history.registry.labels() == before


def test_second_rollback_does_not_return_to_the_rejected_version(plumbline):
    assert plumbline("rollback")[0] == 0
    code, _, err = plumbline("rollback")
    assert code == 2
    assert "neither a canary nor a previous version" in err


def test_start_status_and_stop(plumbline, history):
    code, out, _ = plumbline("canary", "start", "2", "--share", "0.2")
    assert (code, out.partition(" since ")[0]) == (0, "version 3 is live; canary 2 answers 20 % of the requests")
    served(history, 2_000)
    code, out, _ = plumbline("canary", "status")
    assert code == 0
    lines = out.splitlines()
    assert lines[1].startswith("hold: latency p99 not yet shown to be within the margin")
    assert [line.partition(":")[0] for line in lines[2:]] == [
        f"  {name}" for name in ("error rate", "latency p50", "latency p99", "predictions", "mean loss")
    ]
    found = json.loads(plumbline("canary", "status", "--json")[1])
    assert (found["canary"], found["share"], found["analysis"]["requests"]) == (2, 0.2, 2_000)
    assert plumbline("canary", "stop")[1] == "version 3 is live; there is no canary\n"
    assert plumbline("canary", "status")[1] == "version 3 is live; there is no canary\n"
    assert [one["action"] for one in json.loads(plumbline("runs", "--json")[1])["decisions"]] == ["stop", "canary"]


def test_shadow(plumbline, history):
    assert plumbline("canary", "start", "1", "--shadow")[1] == "version 3 is live; version 1 is the shadow\n"
    assert history.registry.labels().shadow == 1
    writer = RequestLogWriter(history.home / "requests", LogSettings())
    for label, version, values in (("live", 3, [0.2, 0.4]), ("shadow", 1, [0.3, 0.6])):
        now, outputs = time.time_ns() // 1000, {"probability": np.array(values)}
        writer.append(Records("flights", version, label, "a", now, 0.01, outputs=outputs))
    writer.close()
    code, out, _ = plumbline("canary", "status")
    assert code == 0 and "shadow 1 and live 3: 2 rows that both predicted" in out
    found = json.loads(plumbline("canary", "status", "--json")[1])
    assert found["analysis"] is None and found["shadow_comparison"]["prediction"]["mean"] == pytest.approx(0.15)
    assert plumbline("canary", "stop")[0] == 0


def test_automatic_mode_promotes(plumbline, history, project):
    settings(project, "steps = [0.2, 1]\nstep_minutes = 0\nerror_margin = 0.02\nlatency_margin = 0.2")
    history.registry.start_canary(2, 0.2, step=0)
    served(history, 4_000)
    code, out, _ = plumbline("canary", "watch")
    assert code == 0
    assert out.endswith("version 2 is live\n")
    decision = json.loads(plumbline("runs", "--json")[1])["decisions"][0]
    assert (decision["action"], decision["by"], decision["analysis"]["decision"]) == ("promote", "automatic", "promote")


def test_automatic_mode_rolls_back_with_exit_code_3(plumbline, history, project):
    settings(project, "step_minutes = 0")
    history.registry.start_canary(2, 0.2, step=0)
    served(history, 1_000, status=500)
    code, out, _ = plumbline("canary", "watch", "--once", "--json")
    found = json.loads(out)
    assert (code, found["action"], found["canary"], found["live"]) == (3, "rollback", None, 3)
    assert "error rate" in found["analysis"]["reasons"][0]


def test_watching_a_share_that_a_person_set_is_refused(plumbline, history):
    history.registry.start_canary(2, 0.2)
    code, _, err = plumbline("canary", "watch")
    assert code == 2
    assert "the share of canary 2 was set by a person" in err


def test_registry_without_metadata_is_changed_with_a_warning(plumbline, history):
    (history.home / "metadata.sqlite").unlink()
    code, out, err = plumbline("promote", "1")
    assert (code, out) == (0, "version 1 is live, version 3 was\n")
    assert "ML Metadata has no record of it" in err and len(err.splitlines()) == 1
    assert history.registry.labels().live == 1


def test_impossible_policy_is_refused(plumbline, project):
    settings(project, "steps = [0.5, 0.1, 1]")
    code, _, err = plumbline("canary", "start", "2", "--auto")
    assert code == 2
    assert "steps: [0.5, 0.1, 1" in err and "must increase" in err
