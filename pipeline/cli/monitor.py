"""`plumbline monitor`."""

import argparse
import time
import warnings
from typing import TYPE_CHECKING, Any

from components.shared.errors import InputError, PlumblineError, UsageError
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of, settings_of
from pipeline.process.standard_streams import say

if TYPE_CHECKING:
    from monitor.retraining.look import Retrainer
    from monitor.watch import Watch


def add_parsers(commands: Commands) -> None:
    """Adds `monitor`."""
    parser = add_command(
        commands,
        "monitor",
        monitor,
        help="measure the request log in windows, raise incidents, retrain by policy",
        description=(
            "Compares each window of the request log with the model's training data and with earlier windows, measures "
            "the metrics as labels arrive, and raises an incident for a significant change that persists. Sends "
            "incidents to the [sinks], and starts retrainings according to [retraining]. Runs until Ctrl-C; it can be "
            "stopped and restarted at any time."
        ),
        examples=(
            "plumbline monitor --dataset flights",
            "plumbline monitor --dataset flights --once --json",
        ),
        needs="tables",
    )
    add_dataset(parser)
    parser.add_argument("--once", action="store_true", help="look once and exit, for a scheduler")
    parser.add_argument(
        "--interval", type=float, metavar="S", help="seconds between two looks (default: [monitor] interval)"
    )
    parser.add_argument(
        "--from-start",
        action="store_true",
        help="measure the whole log again; the windows and incidents so far are kept in a backup file",
    )
    add_root(parser)
    add_json(parser)


def monitor(parsed: argparse.Namespace) -> int:
    """Looks once, or until a signal."""
    from monitor.store import MonitorStore
    from monitor.watch import Watch
    from pipeline.cli.monitor_parts import FOLDER, monitor_parts

    config, home = settings_of(parsed), home_of(parsed)
    interval = config.monitor.interval if parsed.interval is None else parsed.interval
    if interval <= 0:
        raise UsageError(f"--interval {interval:g}: must be above 0")
    if not (home / "requests").is_dir():
        raise UsageError(f"{home / 'requests'}: there is no request log; `plumbline serve` writes it")
    with MonitorStore(home / FOLDER) as store, store.locked():
        if parsed.from_start and (kept := store.restart()):
            say(f"plumbline: the windows so far are kept in {kept}")
        parts = monitor_parts(parsed, store)
        watch, retrainer = Watch(parts), _retrainer(parsed, store)
        try:
            if parsed.once:
                _look(parsed, watch, retrainer)
                return 0
            _loop(parsed, watch, retrainer, interval)
        finally:
            watch.close()
            if parts.outbox is not None:
                parts.outbox.close()
    return 0


def _loop(parsed: argparse.Namespace, watch: "Watch", retrainer: "Retrainer | None", interval: float) -> None:
    """Looks until a signal ends the process; what is wrong with the data is said once, and looked at again."""
    said = ""
    say(f"plumbline: monitoring {parsed.dataset} every {interval:g} s (stop with Ctrl-C)")
    while True:
        try:
            _look(parsed, watch, retrainer)
            said = ""
        except (InputError, OSError) as exc:
            if str(exc) != said:
                say(f"plumbline: {exc}; nothing is lost: the next look reads the log again")
            said = str(exc)
        time.sleep(interval)


def _look(parsed: argparse.Namespace, watch: "Watch", retrainer: "Retrainer | None") -> None:
    from monitor.look_text import LookFound, incident_text, window_line

    looked = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for one in watch.look():
            looked.append(one)
            if not parsed.json:
                print(window_line(one), flush=True)
                for message in one.messages:
                    say(f"  {message}")
                for incident in one.incidents:
                    print(incident_text(incident), flush=True)
    for text in dict.fromkeys(str(one.message) for one in caught if issubclass(one.category, UserWarning)):
        say(f"plumbline: warning: {text}")
    for message in watch.messages:
        say(f"plumbline: {message}")
    delivery = watch.send()
    for message in delivery.messages:
        say(f"plumbline: {message}")
    # After all windows: what an old window says is settled by the newer ones that the same look has measured.
    lines = _retrain(parsed, retrainer, watch.clock)
    if not parsed.json:
        for line in lines:
            print(line, flush=True)
    if parsed.json and (parsed.once or looked or lines):
        found = LookFound.of(watch.store, looked, watch.messages)
        print_found(parsed, found.to_json, lambda: "")
    elif not parsed.json and parsed.once and not looked:
        print("no window has ended since the last look")


def _retrain(parsed: argparse.Namespace, retrainer: "Retrainer | None", now: Any) -> list[str]:
    """Carries the retraining on; a failure is said, and tried again by the next look."""
    if retrainer is None:
        return []
    try:
        return list(retrainer.look(now, wait=parsed.once).lines())
    except PlumblineError as exc:
        say(f"plumbline: retraining: {exc}")
        return []


def _retrainer(parsed: argparse.Namespace, store: Any) -> "Retrainer | None":
    from pipeline.cli.retraining_parts import retrainer_of

    return retrainer_of(parsed, store)
