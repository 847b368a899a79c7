"""`plumbline canary start`, `status`, `watch` and `stop`."""

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_group, add_json, add_root
from pipeline.cli.decision_records import record
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of, registry_of, settings_of

if TYPE_CHECKING:
    from components.registry.registry import Aliases, Registry
    from serving.canary.decision import Decision
    from serving.canary.log_statistics import Task
    from serving.canary.watch import Look, Statistics
    from serving.request_log.reading import RequestLog

ROLLED_BACK = 3
"""Exit code of the automatic mode after a rollback: a check stopped the version, as the data gate stops a run."""


def add_parsers(commands: Commands) -> None:
    """Adds `canary` with its actions."""
    actions = add_group(
        commands,
        "canary",
        "ACTION",
        help="send a share of the requests to a version, and decide about it",
        description="Serves a share of the requests with a version; statistical tests decide whether it becomes live.",
    )
    parser = add_command(
        actions,
        "start",
        start,
        help="start a canary, change its share, or start a shadow",
        description=(
            "Sends a share of the requests to a version; for the present canary, it changes the share. --auto raises "
            "the share by the steps of [canary] and promotes or rolls back. --shadow sends copies of the requests to a "
            "version, whose predictions are only logged."
        ),
        examples=(
            "plumbline canary start --dataset flights 3 --share 0.05",
            "plumbline canary start --dataset flights 3 --auto",
            "plumbline canary start --dataset flights 3 --shadow",
        ),
    )
    add_dataset(parser)
    parser.add_argument("version", metavar="VERSION", help="version number")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--share", type=float, metavar="S", help="share of the requests, above 0 (default: first step)")
    how.add_argument("--auto", action="store_true", help="go through the steps, watching until the decision")
    how.add_argument("--shadow", action="store_true", help="log its predictions only; live serves the responses")
    add_root(parser)
    add_json(parser)

    parser = add_command(
        actions,
        "status",
        status,
        help="show the canary, its statistics and the decision",
        description="Compares the canary with live on the request log since its share was set; changes no version.",
        examples=("plumbline canary status --dataset flights",),
    )
    add_dataset(parser)
    add_root(parser)
    add_json(parser)

    parser = add_command(
        actions,
        "watch",
        watch,
        help="continue the automatic mode until the decision",
        description=(
            "Evaluates the canary every [canary] interval seconds, raises its share, and promotes it or rolls it back. "
            f"Exit code {ROLLED_BACK} after a rollback. It can be stopped and restarted at any time, on any machine."
        ),
        examples=(
            "plumbline canary watch --dataset flights",
            "plumbline canary watch --dataset flights --once",
        ),
    )
    add_dataset(parser)
    parser.add_argument("--once", action="store_true", help="check once and exit, for a scheduler")
    add_root(parser)
    add_json(parser)

    parser = add_command(
        actions,
        "stop",
        stop,
        help="end canary and shadow without a decision",
        description="Ends the canary and the shadow: live serves all requests. The version may become a canary again.",
        examples=("plumbline canary stop --dataset flights",),
    )
    add_dataset(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="recorded with the decision")
    add_root(parser)
    add_json(parser)


def start(parsed: argparse.Namespace) -> int:
    """Starts a canary or a shadow; with --auto, watches it."""
    from pipeline.metadata.decisions import DecisionKind, VersionDecision

    policy = settings_of(parsed).canary.policy()
    registry = registry_of(parsed)
    version = registry.version_named(parsed.version)
    before = registry.labels()
    if parsed.shadow:
        aliases = registry.start_shadow(version)
        done = VersionDecision("shadow", version, aliases.live, aliases.share, "person", "", aliases.id)
    else:
        if parsed.auto and not policy.shares:
            raise UsageError("[canary] steps: [1] has no share for a canary; use for instance [0.05, 1], or promote")
        share = policy.steps[0] if parsed.share is None else parsed.share
        aliases = registry.start_canary(version, share, 0 if parsed.auto else None)
        kind: DecisionKind = "canary" if before is None or before.canary != version else "share"
        done = VersionDecision(kind, version, aliases.live, aliases.share, "person", "", aliases.id)
    if not (parsed.auto and parsed.json):
        print_found(parsed, lambda: _shown(aliases), lambda: _line(aliases))
    record(parsed, registry, done)
    return _watched(parsed, registry) if parsed.auto else 0


def status(parsed: argparse.Namespace) -> int:
    """Prints the canary and the decision at this moment."""
    from serving.canary.watch import decision_now

    registry = registry_of(parsed)
    aliases = registry.labels()
    if aliases is None:
        raise UsageError(f"{registry.where}: the registry has no version yet; `plumbline run` pushes one")
    shown, lines = _shown(aliases), [_line(aliases)]
    if aliases.canary is None:
        shown["analysis"] = None
    else:
        decision, hours = decision_now(aliases, _statistics(parsed), settings_of(parsed).canary.policy())
        _journal(parsed, aliases, decision, "wait")
        shown |= {"hours": hours, "analysis": decision.to_json()}
        lines.append(decision.to_text())
    if aliases.shadow is not None:
        from serving.canary.shadow_comparison import compare_shadow

        found = compare_shadow(_log(parsed), aliases, _task(parsed))
        shown["shadow_comparison"] = found.to_json()
        lines.append(found.to_text())
    print_found(parsed, lambda: shown, lambda: "\n".join(lines))
    return 0


def watch(parsed: argparse.Namespace) -> int:
    """Continues the automatic mode."""
    registry = registry_of(parsed)
    aliases = registry.labels()
    if aliases is None or aliases.canary is None:
        raise UsageError(
            f"{registry.where}: no version is the canary; run `plumbline canary start VERSION --auto` first"
        )
    if aliases.step is None:
        raise UsageError(
            f"{registry.where}: the share of canary {aliases.canary} was set by a person; run `plumbline canary start "
            f"{aliases.canary} --auto` for the automatic mode"
        )
    return _watched(parsed, registry)


def stop(parsed: argparse.Namespace) -> int:
    """Ends the canary and the shadow."""
    from pipeline.metadata.decisions import VersionDecision

    registry = registry_of(parsed)
    before = registry.labels()
    aliases = registry.stop_canary()
    print_found(parsed, lambda: _shown(aliases), lambda: _line(aliases))
    for version in (before.canary, before.shadow) if before else ():
        if version is not None:
            record(
                parsed,
                registry,
                VersionDecision("stop", version, aliases.live, 0.0, "person", parsed.reason, aliases.id),
            )
    return 0


def _watched(parsed: argparse.Namespace, registry: "Registry") -> int:
    from serving.canary.steps import RollBackCanary
    from serving.canary.watch import look, watch

    section = settings_of(parsed).canary
    statistics, policy = _statistics(parsed), section.policy()
    once = getattr(parsed, "once", False)
    looks = (
        iter([look(registry, statistics, policy)]) if once else watch(registry, statistics, policy, section.interval)
    )
    code = 0
    for found in looks:
        _record_look(parsed, registry, found)
        print_found(
            parsed,
            lambda found=found: {  # type: ignore[misc]
                **_shown(found.after),
                "action": _action(found),
                "analysis": found.decision.to_json(),
            },
            lambda found=found: _look_line(found),  # type: ignore[misc]
        )
        sys.stdout.flush()  # each look is there when it is made, also in a file or a pipe
        code = ROLLED_BACK if isinstance(found.action, RollBackCanary) else 0
    return code


def _record_look(parsed: argparse.Namespace, registry: "Registry", found: "Look") -> None:
    from pipeline.metadata.decisions import DecisionKind, VersionDecision

    _journal(parsed, found.before, found.decision, _action(found))
    kinds: dict[str, DecisionKind] = {"raise": "share", "promote": "promote", "rollback": "rollback"}
    version = found.before.canary
    if (kind := kinds.get(_action(found))) is None or version is None:
        return
    after, reason = found.after, "; ".join(found.decision.reasons)
    analysis = found.decision.to_json()
    record(
        parsed,
        registry,
        VersionDecision(kind, version, after.live, after.share, "automatic", reason, after.id, analysis=analysis),
    )


def _journal(parsed: argparse.Namespace, aliases: "Aliases", decision: "Decision", action: str) -> None:
    """Keeps the evidence of a look for the dashboard; a root that cannot be written is no reason to fail."""
    from serving.canary.journal import Journal

    with contextlib.suppress(OSError):
        Journal(home_of(parsed) / "canary").add_look(aliases, decision, action)


def _action(found: "Look") -> str:
    from serving.canary.steps import PromoteCanary, RaiseShare, RollBackCanary

    names = {RaiseShare: "raise", PromoteCanary: "promote", RollBackCanary: "rollback"}
    return names.get(type(found.action), "wait")


def _look_line(found: "Look") -> str:
    text = found.decision.to_text()
    action = _action(found)
    if action == "wait":
        return text.partition("\n")[0]  # each look again: the reason is enough
    version, live = found.before.canary, found.after.live
    said = {
        "raise": f"canary {version} now answers {100 * found.after.share:.3g} % of the requests",
        "promote": f"version {version} is live",
        "rollback": f"version {version} is rolled back; version {live} answers all requests",
    }[action]
    return f"{text}\n{said}"


def _statistics(parsed: argparse.Namespace) -> "Statistics":
    from serving.canary.log_statistics import arms_from_log

    log, task = _log(parsed), _task(parsed)
    return lambda aliases: arms_from_log(log, aliases, task)


def _task(parsed: argparse.Namespace) -> "Task":
    from serving.canary.log_statistics import Task

    dataset = settings_of(parsed).dataset
    return Task(dataset.task, "" if dataset.positive is None else str(dataset.positive))


def _log(parsed: argparse.Namespace) -> "RequestLog":
    from serving.request_log.reading import RequestLog

    return RequestLog(home_of(parsed) / "requests")


def _shown(aliases: "Aliases") -> dict[str, Any]:
    return {name: getattr(aliases, name) for name in ("live", "canary", "share", "step", "since", "shadow")}


def _line(aliases: "Aliases") -> str:
    parts = [f"version {aliases.live} is live"]
    if aliases.canary is not None:
        mode = "" if aliases.step is None else f", automatic, step {aliases.step + 1}"
        since = f" since {aliases.since[:19]}" if aliases.since else ""
        parts.append(f"canary {aliases.canary} answers {100 * aliases.share:.3g} % of the requests{since}{mode}")
    if aliases.shadow is not None:
        parts.append(f"version {aliases.shadow} is the shadow")
    return "; ".join(parts) if len(parts) > 1 else f"{parts[0]}; there is no canary"
