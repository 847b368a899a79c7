"""The profile of a run: its sections in order, as JSON and as a table."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from components.shared.files import write_json
from pipeline.runners.profiling.sampler import Cost, ProfileSection, Sampler

if TYPE_CHECKING:
    from components.shared.errors import PlumblineError
    from pipeline.run_history.run_summary import Summary

MAX_ROWS = 5
"""Maximum number of lines for a section in the table, each with at least SHOWN_SHARE of the section's time.
profile.json contains all with at least MIN_SHARE."""

MIN_SHARE = 0.01
SHOWN_SHARE = 0.05

PHASES = ("import", "launcher", "executor", "other")


@dataclass(frozen=True)
class Profile:
    """Wall and CPU time of a run.

    Attributes:
      before: Time from the start of the process to the first sample; its wall time is unknown and set to 0.
      sections: Sections in order, without parts between two steps that took less than 0.01 s.
    """

    before: Cost
    sections: tuple[ProfileSection, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the content of profile.json: seconds of `wall` and `cpu` for each section, phase and function."""
        return {
            "before": _seconds(self.before),
            "total": _seconds(self.total),
            "sections": [_section(section) for section in self.sections],
        }

    @property
    def total(self) -> Cost:
        """Time of the whole process."""
        return Cost(
            sum(section.total.wall for section in self.sections),
            self.before.cpu + sum(section.total.cpu for section in self.sections),
        )

    def to_text(self) -> str:
        """Formats the table that `--profile` prints."""
        head = f"{'profile':<44} {'wall s':>8} {'CPU s':>8}" + "".join(f" {name:>9}" for name in PHASES)
        lines = [head, _line("before the first sample", self.before)]
        for section in self.sections:
            phases = [section.phases.get(name, Cost()).cpu for name in PHASES]  # type: ignore[call-overload]
            lines.append(_line(section.name, section.total) + "".join(f" {seconds:>9.2f}" for seconds in phases))
            lines += [_line(f"    {_short(who)}", cost) for (_, who), cost in _ranked(section, SHOWN_SHARE)[:MAX_ROWS]]
        return "\n".join([*lines, _line("all", self.total), "CPU s: sum over all threads; by phase on the right"])


_active: Sampler | None = None


@contextmanager
def section(name: str) -> Iterator[None]:
    """Marks the block as a section of the profile; does nothing if no profile is active."""
    if _active is None:
        yield
    else:
        with _active.section(name):
            yield


@contextmanager
def profiled() -> Iterator[list[Profile]]:
    """Profiles the block. Yields a list to which the profile is added when the block ends."""
    global _active
    before = Cost(0.0, time.process_time())
    made: list[Profile] = []
    _active = Sampler("preparation")
    _active.start()
    try:
        yield made
    finally:
        sampler, _active = _active, None
        sampler.stop()
        made.append(Profile(before, _telling(sampler.sections)))


def with_profile(
    run: "Callable[[], tuple[Summary, PlumblineError | None]]", person: TextIO
) -> "tuple[Summary, PlumblineError | None]":
    """Runs the pipeline with a profile, prints the table and writes profile.json beside the run's log.

    Args:
      run: Calls `runner.run`. If it raises an exception, no profile is written.
      person: Output stream for the table.

    Returns:
      The result of `run`.
    """
    with profiled() as made:
        summary, stopped = run()
    (profile,) = made
    write_json(Path(summary.log).with_name("profile.json"), profile.to_json())
    person.write(profile.to_text() + "\n")
    return summary, stopped


def _telling(sections: Sequence[ProfileSection]) -> tuple[ProfileSection, ...]:
    return tuple(one for one in sections if one.name != sections[0].name or one.total.wall >= 0.01)


def _ranked(section: ProfileSection, share: float = MIN_SHARE) -> list[tuple[tuple[str, str], Cost]]:
    """Functions by wall time, in descending order: at least a share of the section's time and three samples."""
    least = max(share * section.total.wall, 0.03)
    ranked = sorted(section.work.items(), key=lambda pair: -pair[1].wall)
    return [(key, cost) for key, cost in ranked if cost.wall >= least]


def _section(section: ProfileSection) -> dict[str, Any]:
    return {
        "name": section.name,
        **_seconds(section.total),
        "phases": {name: _seconds(cost) for name, cost in section.phases.items()},
        "work": [{"phase": phase, "who": who, **_seconds(cost)} for (phase, who), cost in _ranked(section)],
    }


def _seconds(cost: Cost) -> dict[str, float]:
    return {"wall": round(cost.wall, 3), "cpu": round(cost.cpu, 3)}


def _line(name: str, cost: Cost) -> str:
    return f"{name:<44} {cost.wall:>8.2f} {cost.cpu:>8.2f}"


def _short(who: str, most: int = 40) -> str:
    return who if len(who) <= most else f"…{who[1 - most :]}"
