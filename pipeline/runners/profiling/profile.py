"""The profile of a run: sections in the order in which they came, as JSON and as a table."""

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

MOST_ROWS = 5
"""Lines of a section that the table shows, each of 5 % and more; profile.json has all of 1 % and more."""

LEAST_SHARE = 0.01
SHOWN_SHARE = 0.05

PHASES = ("import", "launcher", "executor", "other")


@dataclass(frozen=True)
class Profile:
    """Where a run's time went.

    Attributes:
      before: From the start of the process to the first sample; its wall time is unknown and given as 0.
      sections: In order; parts of a run between two steps that took next to nothing are left out.
    """

    before: Cost
    sections: tuple[ProfileSection, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is kept in profile.json: seconds of `wall` and `cpu` for each section, its phases and who worked."""
        return {
            "before": _seconds(self.before),
            "total": _seconds(self.total),
            "sections": [_section(section) for section in self.sections],
        }

    @property
    def total(self) -> Cost:
        """Of the whole process."""
        return Cost(
            sum(section.total.wall for section in self.sections),
            self.before.cpu + sum(section.total.cpu for section in self.sections),
        )

    def to_text(self) -> str:
        """The table that `--profile` prints."""
        head = f"{'profile':<44} {'wall s':>8} {'CPU s':>8}" + "".join(f" {name:>9}" for name in PHASES)
        lines = [head, _line("before the first sample", self.before)]
        for section in self.sections:
            phases = [section.phases.get(name, Cost()).cpu for name in PHASES]  # type: ignore[call-overload]
            lines.append(_line(section.name, section.total) + "".join(f" {seconds:>9.2f}" for seconds in phases))
            lines += [_line(f"    {_short(who)}", cost) for (_, who), cost in _ranked(section, SHOWN_SHARE)[:MOST_ROWS]]
        return "\n".join([*lines, _line("all", self.total), "CPU s: of all threads; by phase on the right"])


_active: Sampler | None = None


@contextmanager
def section(name: str) -> Iterator[None]:
    """A part of a run that has a line of its own in a profile; nothing where none is made."""
    if _active is None:
        yield
    else:
        with _active.section(name):
            yield


@contextmanager
def profiled() -> Iterator[list[Profile]]:
    """Samples within it; the list that is yielded holds the profile afterwards."""
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
    """Runs the pipeline with a profile: the table goes to `person`, profile.json beside the run's log.

    Args:
      run: As run_local.run returns; what it raises passes, and nothing is kept.
      person: Whom to tell.
    """
    with profiled() as made:
        summary, stopped = run()
    (profile,) = made
    write_json(Path(summary.log).with_name("profile.json"), profile.to_json())
    person.write(profile.to_text() + "\n")
    return summary, stopped


def _telling(sections: Sequence[ProfileSection]) -> tuple[ProfileSection, ...]:
    return tuple(one for one in sections if one.name != sections[0].name or one.total.wall >= 0.01)


def _ranked(section: ProfileSection, share: float = LEAST_SHARE) -> list[tuple[tuple[str, str], Cost]]:
    """Who worked, the costliest first, as far as it is that share of the section's time and a few samples at least."""
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
