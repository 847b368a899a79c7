"""Formats a diagnosis as text: a line for each check, followed by its findings."""

import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.diagnosis import Diagnosis
from pipeline.doctor.finding import ORDER, CheckResult, DoctorFinding

INDENT = " " * 13


def diagnosis_text(found: Diagnosis, width: int = 100) -> str:
    """Formats a diagnosis in lines of at most `width` characters, except for long paths.

    Args:
      found: The diagnosis.
      width: Characters in a line; limited to the range [60, 120].
    """
    width = max(60, min(width, 120))
    lines: list[str] = []
    for dataset in dict.fromkeys(one.dataset for one in found.checks):
        lines += ["", dataset if dataset else "this machine"]
        for one in found.checks:
            if one.dataset == dataset:
                lines += _check(one, width)
    lines += ["", _verdict(found)]
    return "\n".join(lines[1:])


def _check(one: CheckResult, width: int) -> Iterator[str]:
    head = f"  {one.check:<12} {_state(one):<21} "
    yield from _filled(head, " " * len(head), _near(one.about), width) or [head.rstrip()]
    for finding in one.findings:
        yield from _finding(finding, width)


def _state(one: CheckResult) -> str:
    counts = [(severity, one.of(severity)) for severity in ORDER[:2]]
    said = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts if count)
    return said or "ok"


def _finding(one: DoctorFinding, width: int) -> Iterator[str]:
    yield f"    {one.severity:<9}{_near(one.where)}"
    yield from _wrapped("", one.what, width)
    yield from _wrapped("-> ", one.do, width)


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return _filled(INDENT + head, INDENT + " " * len(head), text, width)


def _filled(first: str, others: str, text: str, width: int) -> list[str]:
    """Wraps text to lines of at most `width` characters; longer words, such as paths, are not broken."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )


def _verdict(found: Diagnosis) -> str:
    errors, warnings = found.count("error"), found.count("warning")
    repairable = sum(finding.repairable for one in found.checks for finding in one.findings)
    lines = []
    if found.set_aside:
        lines.append(f"Replaced files are kept in {', '.join(map(_near, found.set_aside))}")
    if not errors and not warnings:
        lines.append("No errors, no warnings.")
    else:
        counts = [f"{errors} error{'' if errors == 1 else 's'}", f"{warnings} warning{'' if warnings == 1 else 's'}"]
        lines.append(
            f"{', '.join(counts)}."
            + (f" `plumbline doctor --repair` repairs {repairable} of the findings." if repairable else "")
        )
    return "\n".join(lines)


def _near(path: str) -> str:
    """Shortens a path below the working directory to a relative path."""
    if not os.path.isabs(path):
        return path
    here = Path.cwd()
    return os.path.relpath(path, here) if Path(path).is_relative_to(here) else path
