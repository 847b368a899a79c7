"""Checks that each run's folder has a readable summary. A lost one is rebuilt from the metadata or a manifest."""

from pathlib import Path

from components.registry.registry import Registry
from components.shared.errors import PlumblineError
from pipeline.doctor.finding import CheckResult, DatasetPaths, DoctorFinding, checked, size_text
from pipeline.doctor.set_aside import SetAside
from pipeline.doctor.summary_repair import manifest_of, repair_summary
from pipeline.metadata.summary_files import read_summary
from pipeline.settings.config import Config, registry_folder

MAX_LOG_BYTES = 1_000_000_000
"""Total size of logs in bytes above which they are reported."""


def check_reports(place: DatasetPaths, config: Config | None) -> CheckResult:
    """Checks the reports of a dataset.

    Args:
      place: The dataset's folder.
      config: The dataset's settings; None if they cannot be read.
    """
    reports = place.home / "reports"
    try:
        folders = sorted(path for path in reports.iterdir() if path.is_dir()) if reports.is_dir() else []
    except OSError as exc:
        finding = DoctorFinding("error", str(reports), f"cannot be read ({exc.strerror})", "make the folder readable")
        return checked("reports", place.dataset, str(reports), [finding])
    registry = _registry(place, config)
    findings, without, logs = [], [], 0
    for folder in folders:
        log = folder / "run.log"
        logs += log.stat().st_size if log.is_file() else 0
        wrong = read_summary(folder).wrong
        if not wrong:
            continue
        if wrong == "missing" and manifest_of(registry, folder.name) is None:
            if not (place.busy and folder == folders[-1]):
                without.append(folder.name)
            continue
        findings.append(_broken(place, config, folder, wrong))
    if without:
        what = (
            f"{len(without)} runs ended without a summary, the last one {without[-1]}: they were killed or failed early"
        )
        findings.append(DoctorFinding("info", str(reports), what, "nothing; their completed steps are in the cache"))
    if logs > MAX_LOG_BYTES:
        what = f"logs use {size_text(logs)}"
        do = f"plumbline gc --dataset {place.dataset} --apply deletes those of old runs"
        findings.append(DoctorFinding("info", str(reports), what, do))
    return checked("reports", place.dataset, f"{len(folders)} runs" if folders else "none yet", findings)


def _broken(place: DatasetPaths, config: Config | None, folder: Path, wrong: str) -> DoctorFinding:
    what = "is missing, though its run pushed a version" if wrong == "missing" else wrong
    do = "--repair rebuilds it from the metadata or the version's manifest; without these it sets the file aside"

    def repair(aside: SetAside) -> str:
        return repair_summary(place.home, folder, config, _registry(place, config), aside)

    return DoctorFinding("warning", str(folder / "summary.json"), what, do, repair)


def _registry(place: DatasetPaths, config: Config | None) -> Registry | None:
    try:
        return Registry(registry_folder(config, place.root) if config else place.home / "registry")
    except PlumblineError:
        return None
