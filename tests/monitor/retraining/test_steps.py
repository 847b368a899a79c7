"""The steps of a retraining: each once, held where set, continued after a kill at any point."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

from components.shared.errors import UsageError
from monitor.retraining import steps as steps_module
from monitor.retraining.record import retrainings
from monitor.retraining.training import Training
from serving.canary.policy import CanaryPolicy
from tests.monitor.retraining.world import NOW, World, told


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def ask(world: World) -> None:
    world.inbox.ask("Ada", "new route", NOW)


def test_from_a_persons_request_to_the_promotion(world: World):
    ask(world)
    look = world.retrainer().look(NOW, wait=True)
    one = look.after
    assert one is not None and one.state == "promoted" and look.before is None
    assert (one.trigger, one.reason, one.span, one.eval_span, one.rows) == ("person", "Ada: new route", 3, 4, 60)
    assert (one.run_id, one.version, one.report, one.attempts, one.cost) == ("run-9", 2, "runs/report.html", 1, 5.0)
    assert world.trainings() == ["4"] and world.spans == [1]
    labels = world.registry.labels()
    assert labels is not None and (labels.live, labels.previous, labels.canary) == (2, 1, None)
    assert world.decisions == [("canary", 2), ("share", 2), ("share", 2), ("promote", 2)]
    assert [step.step for step in one.steps] == [
        "decision", "decision", "span", "training", "training", "canary", "share", "share", "promotion",
    ]  # fmt: skip
    assert retrainings(world.store) == [one] and look.lines()[-1] == "retraining 1: version 2 is live, version 1 was"
    again = world.retrainer().look(NOW + timedelta(days=9))  # the request is answered once
    assert again.after is None and again.decision is not None and again.decision.action == "wait"


def test_each_step_can_wait_for_a_person(world: World):
    retrainer = world.retrainer(policy="every", hold=("training", "canary", "promotion"))
    for step in ("training", "canary", "promotion"):
        one = retrainer.look(NOW, wait=True).after
        assert one is not None and (one.state, one.waits_for) == ("held", step)
        assert retrainer.look(NOW, wait=True).after == one  # nothing happens meanwhile
        assert (len(world.spans), len(world.trainings())) == ((0, 0) if step == "training" else (1, 1))
        labels = world.registry.labels()
        assert labels is not None and labels.canary == (2 if step == "promotion" else None) and labels.live == 1
        assert world.inbox.approve(1, step, "Ada", "", NOW) and not world.inbox.approve(1, step, "Bob", "", NOW)
    one = retrainer.look(NOW, wait=True).after
    assert one is not None and one.state == "promoted" and one.approved == ("training", "canary", "promotion")
    assert "promotion approved by Ada" in told(one)


def test_a_person_rejects(world: World):
    retrainer = world.retrainer(policy="every", hold=("promotion",))
    one = retrainer.look(NOW, wait=True).after
    assert one is not None and one.waits_for == "promotion"
    world.inbox.reject(1, "Ada", "too slow", NOW)
    one = retrainer.look(NOW).after
    assert one is not None and one.state == "rejected" and one.steps[-1].text == "rejected by Ada: too slow"
    labels = world.registry.labels()
    assert labels is not None and (labels.live, labels.canary, labels.decided) == (1, None, 2)
    assert world.decisions[-1] == ("rollback", 2)


def test_a_canary_that_is_harmful_while_its_promotion_waits(world: World):
    retrainer = world.retrainer(policy="every", hold=("promotion",))
    assert retrainer.look(NOW, wait=True).after.state == "held"  # type: ignore[union-attr]
    world.harm = 0.05
    one = retrainer.look(NOW).after
    assert one is not None and one.state == "rejected" and "version 2 was rolled back: " in one.steps[-1].text


def test_a_bad_canary_is_rolled_back(world: World):
    ask(world)
    world.harm = 0.03
    one = world.retrainer(canary_cost=2.0).look(NOW, wait=True).after
    assert one is not None and (one.state, one.cost) == ("rejected", 7.0)
    assert world.decisions == [("canary", 2), ("rollback", 2)]
    labels = world.registry.labels()
    assert labels is not None and (labels.live, labels.canary) == (1, None)


@pytest.mark.parametrize(
    ("code", "push", "state", "text", "times"),
    [
        (3, "push", "rejected", "the data gate stopped the run: flight is missing", 1),
        (0, "no", "rejected", "no version was pushed: auc is worse", 1),
        (2, "push", "failed", "exit code 2: of messages", 1),
        (1, "push", "failed", "exit code 1: of messages", 3),
    ],
)
def test_a_training_without_a_version(world: World, code: int, push: str, state: str, text: str, times: int):
    ask(world)
    world.code, world.push = code, push
    retrainer = world.retrainer()
    one = retrainer.look(NOW, wait=True).after
    assert one is not None and (one.state, one.steps[-1].text) == (state, text)
    assert len(world.trainings()) == times and one.cost == 5.0 * times
    labels = world.registry.labels()
    assert labels is not None and (labels.live, labels.canary) == (1, None)


def test_a_submitted_run(world: World):
    """On a cluster the process ends at once, and the version appears in the registry later."""
    ask(world)
    world.push = "submit"
    retrainer = world.retrainer()
    for _ in range(2):
        one = retrainer.look(NOW, wait=True).after
        assert one is not None and (one.state, one.run_id, one.report) == ("training", "kfp-1", "http://kfp/1")
    assert one.steps[-1].text == "submitted as run kfp-1" and len(world.trainings()) == 1
    world.cluster_pushes()
    assert retrainer.look(NOW).after.state == "promoted"  # type: ignore[union-attr]
    assert len(world.trainings()) == 1


def test_a_submitted_run_that_fails(world: World):
    ask(world)
    world.push, world.ended = "submit", "FAILED"
    one = world.retrainer().look(NOW, wait=True).after
    assert one is not None and (one.state, one.steps[-1].text) == ("rejected", "run kfp-1 pushed no version: FAILED")


def test_another_canary_is_waited_for(world: World):
    model = world.folder / "other"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"other")
    assert world.registry.push(model, {}, alias="none") == 2
    world.registry.start_canary(2, 0.5)
    ask(world)
    retrainer = world.retrainer()
    one = retrainer.look(NOW, wait=True).after
    assert one is not None and one.state == "canary" and one.steps[-1].text == "waits: version 2 is the canary"
    assert retrainer.look(NOW).after == one
    world.registry.rollback()
    assert retrainer.look(NOW).after.state == "promoted"  # type: ignore[union-attr]
    assert world.registry.labels().live == 3  # type: ignore[union-attr]


def test_a_person_ends_the_canary(world: World):
    ask(world)
    world.canary = CanaryPolicy(min_requests=10**9, step_requests=0)
    retrainer = world.retrainer()
    assert retrainer.look(NOW, wait=True).after.state == "canary"  # type: ignore[union-attr]
    world.registry.stop_canary()
    one = retrainer.look(NOW).after
    assert one is not None and one.steps[-1].text == "the canary of version 2 was ended by another command"
    assert one.state == "rejected"


def test_without_shares_the_version_is_promoted_at_once(world: World):
    ask(world)
    world.canary = CanaryPolicy(steps=(1.0,))
    retrainer = world.retrainer(hold=("promotion",))
    assert retrainer.look(NOW, wait=True).after.waits_for == "promotion"  # type: ignore[union-attr]
    world.inbox.approve(1, "promotion", "Ada", "", NOW)
    assert retrainer.look(NOW).after.state == "promoted"  # type: ignore[union-attr]
    assert world.decisions == [("promote", 2)]


class Killed(BaseException):
    """Stands for kill -9 of the process that looks: nothing after it is carried out."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_change(world: World, monkeypatch, when: str):
    """Whatever the last write to store, registry or span was, the next look goes on; each step is done once."""
    ask(world)
    places = [
        (steps_module, "save"),
        (steps_module, "carry_out"),
        (type(world.registry), "start_canary"),
        (World, "_spans"),
        (World, "_record"),
        (Training, "start"),
    ]
    for owner, name in places:
        original = getattr(owner, name)

        def fails(*arguments, original=original, calls=[0]):  # noqa: B006
            calls[0] += 1
            if when == "before" and calls[0] % 2:
                raise Killed
            result = original(*arguments)
            if when == "after" and calls[0] % 2:
                raise Killed
            return result

        monkeypatch.setattr(owner, name, fails)
    kills = 0
    for _ in range(100):
        try:
            one = world.retrainer().look(NOW, wait=True).after
        except Killed:
            kills += 1
            continue
        break
    assert one is not None and one.state == "promoted" and kills >= 10
    assert world.trainings() == ["4"] and one.attempts == 1 and one.cost == 5.0
    assert len(retrainings(world.store)) == 1
    labels = world.registry.labels()
    assert labels is not None and (labels.live, labels.previous) == (2, 1) and world.registry.versions() == [1, 2]
    assert [step.step for step in one.steps if step.step in ("canary", "share", "promotion", "span")] == [
        "span", "canary", "share", "share", "promotion",
    ]  # fmt: skip


def test_a_training_outlives_the_process_that_started_it(tmp_path: Path):
    """A second look finds it running; a training that is killed is started again."""
    training = Training(tmp_path / "1")
    slow = ["sh", "-c", f"echo $$ >> {tmp_path}/pids; sleep 60"]
    assert training.state() == "none" and training.start(slow)
    assert Training(tmp_path / "1").state() == "running" and not Training(tmp_path / "1").start(slow)
    pids = tmp_path / "pids"
    until = time.monotonic() + 60
    while not (pids.exists() and pids.read_text().strip()) and time.monotonic() < until:
        time.sleep(0.05)
    group = os.getpgid(int(pids.read_text()))
    assert group != os.getpgid(0)
    os.killpg(group, signal.SIGKILL)
    training.wait(60)
    assert training.state() == "none" and training.starts == 1
    assert training.start(["sh", "-c", "echo '{\"pushed\": 7}'; exit 0"])
    training.wait(60)
    assert training.state() == "ended" and training.starts == 2
    assert (training.result().code, training.result().summary) == (0, {"pushed": 7})
    assert not training.start(slow)


def test_approval_of_what_is_not_under_way(world: World):
    with pytest.raises(UsageError, match="retraining 3: is not under way; none is"):
        world.retrainer().under_way(3)
