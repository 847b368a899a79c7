"""`plumbline retrain status`, `start`, `approve`, `reject`, `resume` and `trace`."""

import argparse
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from components.shared.texts.escaping import on_one_line
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_group, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.parser import Parser
from pipeline.cli.resources import home_of

if TYPE_CHECKING:
    from monitor.retraining.look import Retrainer, RetrainingLook
    from monitor.retraining.record import Retraining


def add_parsers(commands: Commands) -> None:
    """Adds `retrain` with its actions."""
    actions = add_group(
        commands,
        "retrain",
        "ACTION",
        help="train a model again on its labelled requests, by policy or by hand",
        description="Shows, starts and approves retrainings: the labelled requests become spans, `plumbline run` "
        "follows, then canary and promotion. `plumbline monitor` does the same by the policy of [retraining].",
    )
    parser = add_command(
        actions,
        "status",
        status,
        help="show the retrainings, and what the policy decides now",
        description="Shows the retrainings with their steps, and what the policy would decide now; changes nothing.",
        examples=("plumbline retrain status --dataset flights",),
        needs="tables",
    )
    _common(parser)
    parser = add_command(
        actions,
        "start",
        start,
        help="begin a retraining now",
        description="Begins a retraining: writes the spans, waits for the training, starts the canary. Cool-down and "
        "budget do not apply. It can be interrupted; `plumbline monitor`, or `plumbline retrain resume`, continues.",
        examples=('plumbline retrain start --dataset flights --reason "new route"',),
        needs="tables",
    )
    _common(parser, reason=True)
    for name, handler, what in (("approve", approve, "the step that it waits for"), ("reject", reject, "it")):
        ends = "" if name == "approve" else " Its canary is rolled back."
        parser = add_command(
            actions,
            name,
            handler,
            help=f"{name} a retraining that is held",
            description=f"{name.capitalize()}s a retraining: {what}.{ends} See [retraining] hold.",
            examples=(f"plumbline retrain {name} --dataset flights 3",),
            needs="tables",
        )
        parser.add_argument("number", metavar="N", type=int, help="number of the retraining")
        _common(parser, reason=True)
    parser = add_command(
        actions,
        "resume",
        resume,
        help="continue the retraining that is under way, once",
        description="Does all steps that can be done now, and waits for a training; for a scheduler, or after an "
        "interruption. Begins a retraining if the policy decides for one.",
        examples=("plumbline retrain resume --dataset flights",),
        needs="tables",
    )
    _common(parser)
    parser = add_command(
        actions,
        "trace",
        trace,
        help="show which spans, retraining and version used a request",
        description="Shows for a request id in which span each of its rows is, and what was trained on it.",
        examples=("plumbline retrain trace --dataset flights 7f3c2a",),
        needs="tables",
    )
    parser.add_argument("request", metavar="ID", help="request id")
    _common(parser)


def _common(parser: Parser, reason: bool = False) -> None:
    add_dataset(parser)
    if reason:
        parser.add_argument("--reason", default="", metavar="TEXT", help="recorded with the retraining")
    add_root(parser)
    add_json(parser)


def status(parsed: argparse.Namespace) -> int:
    """Prints the retrainings and the policy's decision."""
    from monitor.retraining.policy import decide
    from monitor.retraining.record import retrainings

    with _opened(parsed) as (retrainer, now):
        decision = decide(retrainer.state(now), retrainer.parts.settings, now)
        found = retrainings(retrainer.parts.store)
    print_found(
        parsed,
        lambda: {
            "retrainings": [one.to_json() for one in found],
            "decision": {"action": decision.action, "reasons": list(decision.reasons)},
        },
        lambda: "\n".join([line for one in found for line in _lines(one)] + [decision.to_text()]),
    )
    return 0


def start(parsed: argparse.Namespace) -> int:
    """Begins a retraining and does the steps that can be done now."""
    from monitor.retraining.record import open_one, retrainings

    with _opened(parsed) as (retrainer, now):
        inbox = retrainer.parts.inbox
        if (one := open_one(retrainings(retrainer.parts.store))) is not None:
            raise UsageError(f"{one.to_text()}; `plumbline retrain resume` continues it")
        who = _user()
        inbox.ask(who, parsed.reason, now)
        look = retrainer.look(now, wait=True)
        if look.decision is not None and look.decision.action == "wait":
            inbox.done()
            raise UsageError(f"nothing is trained: {'; '.join(look.decision.reasons)}")
        return _print_look(parsed, look)


def approve(parsed: argparse.Namespace) -> int:
    """Approves the step that a retraining waits for, and continues it."""
    with _opened(parsed) as (retrainer, now):
        one = retrainer.under_way(parsed.number)
        if not one.waits_for:
            raise UsageError(f"retraining {one.number}: waits for nobody; it is in the state {one.state}")
        from monitor.retraining.settings import STEPS

        (step,) = (step for step in STEPS if step == one.waits_for)
        retrainer.parts.inbox.approve(one.number, step, _user(), parsed.reason, now)
        return _print_look(parsed, retrainer.look(now, wait=True))


def reject(parsed: argparse.Namespace) -> int:
    """Ends a retraining."""
    with _opened(parsed) as (retrainer, now):
        one = retrainer.under_way(parsed.number)
        retrainer.parts.inbox.reject(one.number, _user(), parsed.reason, now)
        return _print_look(parsed, retrainer.look(now))


def resume(parsed: argparse.Namespace) -> int:
    """Does what can be done now."""
    with _opened(parsed) as (retrainer, now):
        return _print_look(parsed, retrainer.look(now, wait=True))


def trace(parsed: argparse.Namespace) -> int:
    """Prints the spans of a request."""
    from monitor.retraining.record import retrainings
    from pipeline.cli.retraining_parts import spans_of

    with _opened(parsed) as (retrainer, _):
        records = {one.number: one for one in retrainings(retrainer.parts.store)}
    found: list[dict[str, Any]] = []
    for entry, row, span in spans_of(parsed).ledger.spans_of(parsed.request):
        one = records.get(entry.retraining)
        known = {"run_id": one.run_id, "version": one.version, "state": one.state} if one else {}
        found.append(
            {"row": row, "span": span.span, "file": span.name, "sha256": span.sha256, "part": span.part}
            | {"retraining": entry.retraining, "feedback": entry.feedback, **known}
        )
    if not found:
        raise UsageError(f"{on_one_line(parsed.request)}: no row of this request is in a span that a retraining wrote")
    print_found(
        parsed,
        lambda: {"request_id": parsed.request, "rows": found},
        lambda: "\n".join(
            f"row {one['row']}: {one['file']} ({one['part']}), retraining {one['retraining']}"
            + (f", run {one['run_id']}" if one.get("run_id") else "")
            + (f", version {one['version']}" if one.get("version") else "")
            for one in found
        ),
    )
    return 0


@contextmanager
def _opened(parsed: argparse.Namespace) -> "Iterator[tuple[Retrainer, datetime]]":
    """The retrainer, and the time."""
    from monitor.store import MonitorStore
    from pipeline.cli.retraining_parts import retrainer_of

    with MonitorStore(home_of(parsed) / "monitor") as store:
        retrainer = retrainer_of(parsed, store)
        yield retrainer, retrainer.clock()


def _print_look(parsed: argparse.Namespace, look: "RetrainingLook") -> int:
    if look.after is None:
        reasons = ["another process carries the retraining on"] if look.decision is None else look.decision.reasons
        print_found(parsed, lambda: {"retraining": None, "reasons": list(reasons)}, lambda: "; ".join(reasons))
        return 0
    one, lines = look.after, look.lines()
    print_found(parsed, lambda: {"retraining": one.to_json()}, lambda: "\n".join([*lines, on_one_line(one.to_text())]))
    return 0


def _lines(one: "Retraining") -> list[str]:
    return [on_one_line(one.to_text()), *(f"  {step.time}  {on_one_line(step.text)}" for step in one.steps)]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"
