"""Settings: every pipeline.toml parses, its schema names its columns, and its data are there."""

from pathlib import Path

from components.shared.errors import PlumblineError
from pipeline.doctor.finding import CheckResult, DoctorFinding, checked, line
from pipeline.settings.config import Config, load_config

SCHEMAS = Path("schemas")


def datasets_with_settings(schemas: Path = SCHEMAS) -> list[str]:
    """Names of the folders that hold a pipeline.toml."""
    try:
        return sorted(file.parent.name for file in schemas.glob("*/pipeline.toml"))
    except OSError:
        return []


def check_settings(dataset: str, schemas: Path = SCHEMAS) -> tuple[CheckResult, Config | None]:
    """One dataset's settings; and what they are, None if they cannot be used."""
    path = schemas / dataset / "pipeline.toml"
    if not path.is_file():
        finding = DoctorFinding(
            "warning", str(path), "there are runs of this dataset, but no settings here", "run in the project's folder"
        )
        return checked("settings", dataset, "none", [finding]), None
    try:
        config = load_config(path)
    except (PlumblineError, OSError) as exc:
        return checked("settings", dataset, str(path), [_unusable(path, exc)]), None
    findings = []
    if config.dataset.name != dataset:
        what = f"[dataset] name is {config.dataset.name!r}, its folder {dataset!r}: runs go to {config.dataset.name}"
        findings.append(DoctorFinding("warning", str(path), what, "give both the same name"))
    findings += _schema_and_data(config)
    return checked("settings", dataset, str(path), findings), config


def _unusable(path: Path, exc: Exception) -> DoctorFinding:
    said = line(exc, 400).removeprefix(f"{path}: ")
    return DoctorFinding("error", str(path), said, "correct the file")


def _schema_and_data(config: Config) -> list[DoctorFinding]:
    from pipeline.preflight.data_check import source_of

    try:
        source = source_of(config, config.data.directory)
    except (PlumblineError, OSError) as exc:
        return [_unusable(config.path, exc)]
    if "://" in source.directory:
        return []  # a bucket is asked by a run alone
    try:
        source.files()
    except (PlumblineError, OSError) as exc:
        do = "bring the files there, or name another folder with --data"
        return [DoctorFinding("warning", source.directory, line(exc, 400).removeprefix(f"{source.directory}: "), do)]
    return []
