"""Two runs' metadata, artifacts with records, summaries and registry, and a project whose settings are in order."""

from pathlib import Path

import pytest

from benchmarks.synthetic_history import History
from components.shared.artifacts import integrity
from pipeline.doctor.artifact_folders import artifact_folders
from pipeline.doctor.diagnosis import diagnose, repair
from pipeline.doctor.finding import DoctorOptions
from pipeline.metadata.store_identity import reconcile, record_executions


class Runs:
    """A dataset's runs: two that pushed versions 1 and 2."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.history = History(root / "flights")
        for span in (3, 4):
            self.history.add(train=[span - 2, span - 1], evaluation=span)
        self.home = self.history.home
        self.registry = self.history.registry
        for folder in artifact_folders(self.home):
            integrity.record(str(folder))
        reconcile(self.home, self.history.store)
        record_executions(self.home, self.history.store)

    @property
    def metadata(self) -> Path:
        return self.home / "metadata.sqlite"

    def found(self, check: str = "", **asked) -> list[tuple[str, str, str]]:
        """(check, severity, what) of each finding that is not info."""
        options = DoctorOptions(tensorflow=False, **asked)
        return [
            (one.check, finding.severity, finding.what)
            for one in diagnose(self.root, "flights", options).checks
            for finding in one.findings
            if finding.severity != "info" and (not check or one.check == check)
        ]

    def repair(self, **asked):
        """What was done, and what is still found."""
        return repair(self.root, "flights", DoctorOptions(tensorflow=False, **asked), lambda text: None)

    def files(self) -> dict[str, bytes]:
        """Every file below the root with its content, but for locks."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.name.endswith(".lock")
        }


@pytest.fixture
def runs(project: Path) -> Runs:
    return Runs(project / "runs")
