"""The first stages: the first model is trained and served, and a bad candidate is rolled back."""

from datetime import timedelta

from components.shared.errors import PlumblineError
from pipeline.demo.canary_replay import replay_canary, said
from pipeline.demo.demo import Demo, day_text, months_text
from pipeline.demo.flights_year import load_year, with_wrong_label, write_months
from pipeline.demo.http_client import Client
from pipeline.demo.labels import KnownLabels
from pipeline.demo.monitoring import Monitor
from pipeline.demo.plan import DATASET
from pipeline.demo.replay import Replay, Sent
from pipeline.demo.server import start_server

ROLLED_BACK = 3
"""Exit code of the automatic canary after a rollback."""


def train_first(demo: Demo) -> None:
    """Trains the first model; it becomes live, since there is no other."""
    demo.console.doing("writing the months")
    demo.config = demo.project.make()
    demo.flights = load_year(demo.plan.every)
    write_months(demo.project.data, demo.flights, (*demo.plan.train, demo.plan.evaluate))
    summary = demo.train()
    rows = summary["rows"]
    demo.summary.append(
        (
            f"version {summary['pushed']}",
            f"trained on {months_text(demo.plan.train)}, live from {day_text(demo.plan.first)}",
        )
    )
    demo.console.say(
        f"version {summary['pushed']}, trained on {rows['train']:,} flights, is live; AUC "
        f"{summary['metrics']['auc']:.3f} on {rows['eval']:,}"
    )


def serve(demo: Demo) -> None:
    """Starts the model server."""
    demo.console.doing("loading the model")
    demo.server = server = start_server(demo.commands, DATASET, demo.port)
    demo.stack.callback(server.process.end)
    path, header = f"/v1/models/{DATASET}:predict", demo.config.serving.time_header
    client = Client(server.host, server.port, path, header, demo.plan.connections)
    demo.stack.callback(client.close)
    labels = KnownLabels(demo.project.folder / "labels")
    features = demo.config.features.names
    demo.replay = Replay(demo.flights, features, client, labels, demo.commands, demo.plan.rows, day=demo.plan.first)
    demo.console.say(f"{server.url} answers; the monitor reads its request log")
    demo.monitor = Monitor(demo)


def replay_quietly(demo: Demo) -> None:
    """Replays the days before the bad candidate; nothing should happen."""
    sent = Sent()
    for day in demo.days(demo.plan.bad_from - timedelta(days=1), sent):
        if day.weekday() == 6:
            demo.replay.import_labels(sent)
    demo.console.say(sent.to_text())
    demo.console.say(f"{sent.rows / sent.seconds:,.0f} predictions a second, all requests answered")


def bad_candidate(demo: Demo) -> None:
    """Trains a candidate on wrong labels. Its evaluation cannot find that, the canary has to."""
    demo.console.doing("writing the months with wrong labels")
    plan, folder = demo.plan, demo.project.folder / "data" / "wrong"
    write_months(folder, with_wrong_label(demo.flights), (*plan.bad_train, plan.evaluate))
    summary = demo.train("--data", str(folder.relative_to(demo.project.folder)), "--window", str(len(plan.bad_train)))
    version = int(summary["pushed"])
    demo.console.say(
        f"version {version} passes its evaluation (AUC {summary['metrics']['auc']:.3f}): its labels have the same fault"
    )
    sent = Sent()
    canary = demo.commands.start("canary", "start", "--dataset", DATASET, str(version), "--auto")
    demo.stack.callback(canary.end)
    share, begin = 100 * demo.config.canary.steps[0], day_text(demo.replay.day)
    demo.console.say(f"it is the canary and answers {share:.0f} % of the requests from {begin}")
    look = replay_canary(demo, version, plan.bad_until, sent)
    if look.get("action") != "rollback":
        canary.end()
        raise PlumblineError(f"canary {version} is not rolled back by {day_text(plan.bad_until)}: {said(look)}")
    if (code := canary.wait()) != ROLLED_BACK:
        raise PlumblineError(f"`plumbline canary start` ended with exit code {code}: {canary.last_words}")
    if demo.live == version:
        raise PlumblineError(f"version {version} was rolled back, but is live")
    end = day_text(demo.replay.day - timedelta(days=1))
    demo.console.say(sent.to_text())
    demo.console.say(f"rolled back on {end}: {said(look)}")
    demo.summary.append((f"version {version}", f"trained on wrong labels, canary from {begin}, rolled back on {end}"))
