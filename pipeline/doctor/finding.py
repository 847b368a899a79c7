"""Findings of the checks, with a safe repair where there is one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pipeline.doctor.set_aside import SetAside

Severity = Literal["error", "warning", "info"]
"""error: a run would fail or give a wrong result. warning: time, space or history is lost. info: no action needed."""

Repair = Callable[["SetAside"], str]
"""Repairs one finding and returns a line about it. Moves replaced files to the folder of SetAside."""


@dataclass(frozen=True)
class DoctorFinding:
    """A problem.

    Attributes:
      severity: See `Severity`.
      where: The file, folder, package or setting.
      what: Description of the problem.
      do: What the user can do, or what `--repair` does.
      repair: The safe repair; None if there is none.
    """

    severity: Severity
    where: str
    what: str
    do: str
    repair: Repair | None = field(default=None, compare=False, repr=False)

    @property
    def repairable(self) -> bool:
        """Whether `--repair` repairs it."""
        return self.repair is not None

    def to_json(self) -> dict[str, Any]:
        """Returns an entry of the output of `plumbline doctor --json`, without the check's name and dataset."""
        fields = {name: getattr(self, name) for name in ("severity", "where", "what", "do")}
        return {**fields, "repairable": self.repairable}


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
      check: environment, settings, metadata, artifacts, registry, reports, cache or temporary.
      dataset: Name of the dataset; "" for checks of the machine.
      about: Short description of what was checked.
      findings: Findings, sorted by severity, the most severe first.
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
    """Makes a `CheckResult` with sorted findings.

    Args:
      check: Name of the check.
      dataset: Name of the dataset; "" for checks of the machine.
      about: Short description of what was checked.
      findings: Findings in any order.
    """
    return CheckResult(check, dataset, about, tuple(sorted(findings, key=lambda one: ORDER.index(one.severity))))


@dataclass(frozen=True)
class DoctorOptions:
    """Options of the checks.

    Attributes:
      digests: Compare the digest of every recorded file, even if its size and time are unchanged.
      quick: Read neither models nor artifacts.
      tensorflow: Import TensorFlow in a child process.
    """

    digests: bool = False
    quick: bool = False
    tensorflow: bool = True


@dataclass(frozen=True)
class DatasetPaths:
    """The folder of a dataset's runs.

    Attributes:
      root: Folder of all runs, absolute.
      dataset: Name of the dataset.
      busy: The process that holds the run lock, such as "process 12"; "" if it is free.
    """

    root: Path
    dataset: str
    busy: str = ""

    @property
    def home(self) -> Path:
        """<root>/<dataset>."""
        return self.root / self.dataset


def line(exc: BaseException, most: int = 200) -> str:
    """Returns an exception's message in one line of about `most` characters at most."""
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
