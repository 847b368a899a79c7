"""Checks settings: pipeline.toml is valid, agrees with the schema, and its data files exist."""

from pathlib import Path

from components.shared.errors import PlumblineError
from pipeline.doctor.finding import CheckResult, DoctorFinding, checked, line
from pipeline.settings.config import Config, load_config

SCHEMAS = Path("schemas")


def datasets_with_settings(schemas: Path = SCHEMAS) -> list[str]:
    """Lists the names of the folders that contain a pipeline.toml."""
    try:
        return sorted(file.parent.name for file in schemas.glob("*/pipeline.toml"))
    except OSError:
        return []


def check_settings(dataset: str, schemas: Path = SCHEMAS) -> tuple[CheckResult, Config | None]:
    """Checks a dataset's settings.

    Args:
      dataset: Name of the dataset.
      schemas: Folder of all datasets' settings.

    Returns:
      The findings, and the settings; None if they cannot be used.
    """
    path = schemas / dataset / "pipeline.toml"
    if not path.is_file():
        finding = DoctorFinding(
            "warning",
            str(path),
            "does not exist, though the dataset has runs",
            "run the command in the project's folder",
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
        return []  # only runs access buckets
    try:
        source.files()
    except (PlumblineError, OSError) as exc:
        do = "add the files, or name another folder with --data"
        return [DoctorFinding("warning", source.directory, line(exc, 400).removeprefix(f"{source.directory}: "), do)]
    return []
