"""What a check found: a record, with the repair that is safe for it, if there is one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pipeline.doctor.set_aside import SetAside

Severity = Literal["error", "warning", "info"]
"""error: a run would fail, or come to a wrong result. warning: lost time, space or history. info: worth knowing."""

Repair = Callable[["SetAside"], str]
"""Mends one finding; returns what was done, in a line. Moves what it replaces to where SetAside says."""


@dataclass(frozen=True)
class DoctorFinding:
    """One thing that is not as it should be.

    Attributes:
      severity: See `Severity`.
      where: The file, folder, package or setting.
      what: What is wrong with it.
      do: What a person can do about it; of a repairable one, what `--repair` does.
      repair: The safe repair, or None.
    """

    severity: Severity
    where: str
    what: str
    do: str
    repair: Repair | None = field(default=None, compare=False, repr=False)

    @property
    def repairable(self) -> bool:
        """Whether `--repair` mends it."""
        return self.repair is not None

    def to_json(self) -> dict[str, Any]:
        """As one entry of what `plumbline doctor --json` prints, but for the check's name and dataset."""
        fields = {name: getattr(self, name) for name in ("severity", "where", "what", "do")}
        return {**fields, "repairable": self.repairable}


@dataclass(frozen=True)
class CheckResult:
    """One check.

    Attributes:
      check: environment, settings, metadata, artifacts, registry, reports or temporary.
      dataset: Whose; "" if it is not of one dataset.
      about: What was looked at, in a few words.
      findings: The worst first.
    """

    check: str
    dataset: str
    about: str
    findings: tuple[DoctorFinding, ...]

    def of(self, severity: Severity) -> int:
        """Number of findings of a severity."""
        return sum(one.severity == severity for one in self.findings)


ORDER: tuple[Severity, ...] = ("error", "warning", "info")


def checked(check: str, dataset: str, about: str, findings: list[DoctorFinding]) -> CheckResult:
    """A `CheckResult`, its findings sorted by severity."""
    return CheckResult(check, dataset, about, tuple(sorted(findings, key=lambda one: ORDER.index(one.severity))))


@dataclass(frozen=True)
class DoctorOptions:
    """What is asked of the checks.

    Attributes:
      digests: Read every file that has a recorded digest, whatever its size and time are.
      quick: Read neither models nor artifacts.
      tensorflow: Import TensorFlow, in a process of its own.
    """

    digests: bool = False
    quick: bool = False
    tensorflow: bool = True


@dataclass(frozen=True)
class DatasetPaths:
    """A dataset's runs.

    Attributes:
      root: Folder of all runs, absolute.
      dataset: Its name.
      busy: Who holds the run lock, such as "process 12"; "" if nobody does.
    """

    root: Path
    dataset: str
    busy: str = ""

    @property
    def home(self) -> Path:
        """<root>/<dataset>."""
        return self.root / self.dataset


def line(exc: BaseException, most: int = 200) -> str:
    """An exception's message in one line."""
    said = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    said = " ".join(said.split())
    return said if len(said) <= most else f"{said[:most]} ..."


def size_text(size: int) -> str:
    """Bytes for a person: "12.3 MB"."""
    number = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
