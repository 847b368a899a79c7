"""`plumbline doctor`: runs the checks and, with `--repair`, the repairs."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.shared.errors import PlumblineError, UsageError
from pipeline.doctor.artifacts import check_artifacts
from pipeline.doctor.cache import check_cache
from pipeline.doctor.environment import TensorFlowImport, check_environment
from pipeline.doctor.finding import CheckResult, DatasetPaths, DoctorFinding, DoctorOptions, checked, line
from pipeline.doctor.identity import agree
from pipeline.doctor.metadata import CheckedStore, check_metadata
from pipeline.doctor.registry import check_registry
from pipeline.doctor.reports import check_reports
from pipeline.doctor.set_aside import SetAside
from pipeline.doctor.settings import check_settings, datasets_with_settings
from pipeline.doctor.temporary import check_system_temporary, check_temporary
from pipeline.metadata.connection import FILE, metadata_file
from pipeline.process.run_lock import lock_holder, run_lock
from pipeline.settings.config import Config

MARKS = (FILE, "artifacts", "reports", "registry", "backups")
"""Files and folders by which a dataset's folder below the root is recognised."""
ROUNDS = 3
"""Maximum number of repeats of a check: a repair may reveal findings, such as artifacts unknown to a restored store."""


@dataclass(frozen=True)
class Done:
    """One repair.

    Attributes:
      check: Name of the check.
      dataset: Name of the dataset.
      what: What was changed, or why the repair failed.
      failed: Whether it failed.
    """

    check: str
    dataset: str
    what: str
    failed: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """The result of `plumbline doctor`.

    Attributes:
      root: Folder of all runs.
      checks: Results of the checks.
      repairs: The repairs that were made or failed.
      set_aside: Folders that keep the replaced files.
    """

    root: str
    checks: tuple[CheckResult, ...]
    repairs: tuple[Done, ...] = ()
    set_aside: tuple[str, ...] = ()

    def count(self, severity: Any) -> int:
        """Number of findings of a severity."""
        return sum(one.of(severity) for one in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `plumbline doctor --json` prints."""
        return {
            "root": self.root,
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "findings": [
                {**found.to_json(), "check": one.check, "dataset": one.dataset}
                for one in self.checks
                for found in one.findings
            ],
            "checks": [
                {"check": one.check, "dataset": one.dataset, "about": one.about, "findings": len(one.findings)}
                for one in self.checks
            ],
            "repairs": [one.__dict__ for one in self.repairs],
            "set_aside": list(self.set_aside),
        }


def diagnose(
    root: Path, dataset: str | None, options: DoctorOptions, *, say: Callable[[str], None] = lambda text: None
) -> Diagnosis:
    """Runs every check without changing anything.

    Args:
      root: Folder of all runs; it need not exist.
      dataset: Name of the dataset to check; None checks all that have settings or runs.
      options: See `DoctorOptions`.
      say: Receives the name of each dataset when its checks begin.

    Raises:
      UsageError: There is no such dataset.
    """
    root = root.resolve()
    names = _datasets(root, dataset)
    start = TensorFlowImport() if options.tensorflow else None
    try:
        found = []
        for name in names:
            say(name)
            found += _check_dataset(root, name, options)
        say("environment")
        with_environment = [_guarded("environment", "", lambda: check_environment(root, start))]
    finally:
        if start is not None:
            start.close()
    with_environment.append(_guarded("temporary", "", check_system_temporary))
    return Diagnosis(str(root), (*with_environment, *found))


def repair(root: Path, dataset: str | None, options: DoctorOptions, say: Callable[[str], None]) -> Diagnosis:
    """Makes all safe repairs, then runs every check again.

    Args:
      root: See `diagnose`.
      dataset: See `diagnose`.
      options: See `diagnose`.
      say: Receives a line for each repair.

    Raises:
      UsageError: A run of one of the datasets is active, or the root cannot be written; nothing was changed there.
    """
    root = root.resolve()
    done: list[Done] = []
    folders = []
    for name in _datasets(root, dataset):
        home = root / name
        if not home.is_dir():
            continue
        with run_lock(home):
            aside = SetAside(home)
            for one in _repair_dataset(root, name, replace(options, quick=False), aside):
                done.append(one)
                say(f"{'could not repair' if one.failed else 'repaired'}: {one.what}")
            if aside.used:
                agree(home, metadata_file(home))
                folders.append(aside.shown())
    found = diagnose(root, dataset, options)
    return Diagnosis(found.root, found.checks, tuple(done), tuple(folders))


def _repair_dataset(root: Path, name: str, options: DoctorOptions, aside: SetAside) -> Iterator[Done]:
    place = DatasetPaths(root, name)
    config: Config | None = None
    with suppress(PlumblineError, OSError):
        config = check_settings(name)[1]

    def artifacts() -> CheckResult:
        return check_artifacts(place, check_metadata(place, config, options)[1], options)

    stages: tuple[Callable[[], CheckResult], ...] = (
        lambda: check_metadata(place, config, options)[0],
        lambda: check_registry(place, config, options),  # before artifacts are set aside, from which it may be restored
        lambda: check_reports(place, config),
        artifacts,
        lambda: check_cache(place),
        lambda: check_temporary(place),
    )
    for stage in stages:
        failed: set[str] = set()
        for _ in range(ROUNDS):
            one = _guarded("repair", name, stage)
            wanted = [found for found in one.findings if found.repair is not None and found.where not in failed]
            for found in wanted:
                assert found.repair is not None
                try:
                    yield Done(one.check, name, found.repair(aside))
                except (PlumblineError, OSError, ValueError, sqlite3.Error) as exc:
                    failed.add(found.where)
                    yield Done(one.check, name, f"{found.where}: {line(exc, 400)}", failed=True)
            if not wanted:
                break


def _check_dataset(root: Path, name: str, options: DoctorOptions) -> list[CheckResult]:
    place = DatasetPaths(root, name, lock_holder(root / name))
    config: Config | None = None
    store = CheckedStore(None, None)

    def settings() -> CheckResult:
        nonlocal config
        one, config = check_settings(name)
        return one

    def metadata() -> CheckResult:
        nonlocal store
        one, store = check_metadata(place, config, options)
        return one

    found = [_guarded("settings", name, settings)]
    if not place.home.is_dir():
        return found
    found += [
        _guarded("metadata", name, metadata),
        _guarded("artifacts", name, lambda: check_artifacts(place, store, options)),
        _guarded("registry", name, lambda: check_registry(place, config, options)),
        _guarded("reports", name, lambda: check_reports(place, config)),
        _guarded("cache", name, lambda: check_cache(place)),
        _guarded("temporary", name, lambda: check_temporary(place)),
    ]
    return found


def _guarded(check: str, dataset: str, run: Callable[[], CheckResult]) -> CheckResult:
    """Runs a check; turns an exception into a finding, so that the other checks still run."""
    try:
        return run()
    except Exception as exc:
        what = f"the check failed: {type(exc).__name__}: {line(exc)}"
        do = "report it with the traceback that --debug shows"
        return checked(check, dataset, "", [DoctorFinding("error", dataset or check, what, do)])


def _datasets(root: Path, dataset: str | None) -> list[str]:
    known = set(datasets_with_settings())
    with suppress(OSError):
        known |= {
            path.name for path in root.iterdir() if path.is_dir() and any((path / mark).exists() for mark in MARKS)
        }
    if dataset is None:
        return sorted(known)
    if dataset not in known:
        there = ", ".join(sorted(known)) or "none"
        raise UsageError(f"{dataset}: neither schemas/ nor {root} has such a dataset; known datasets: {there}")
    return [dataset]
