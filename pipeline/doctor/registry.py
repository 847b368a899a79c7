"""Checks the registry: versions are undamaged, aliases name existing versions, and interrupted pushes left no files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.registry.aliases import ROLES
from components.registry.registry import Aliases, Registry
from components.shared.errors import PlumblineError, UsageError
from pipeline.doctor.finding import CheckResult, DatasetPaths, DoctorFinding, DoctorOptions, checked, line
from pipeline.doctor.registry_repair import move_leftovers, repair_labels, repair_manifest, repair_version
from pipeline.settings.config import Config, registry_folder

NUM_NEWEST_VERIFIED = 10
"""Number of the newest versions whose files are compared even without an alias; `--digests` compares all."""


@dataclass(frozen=True)
class VersionStates:
    """State of the versions.

    Attributes:
      damaged: Version -> damaged files.
      unreadable: Version without a usable manifest -> the reason.
    """

    damaged: Mapping[int, list[str]]
    unreadable: Mapping[int, str]


def check_registry(place: DatasetPaths, config: Config | None, options: DoctorOptions) -> CheckResult:
    """Checks a dataset's registry, in a folder or a bucket.

    Args:
      place: The dataset's folder.
      config: The dataset's settings; None if they cannot be read.
      options: How many versions are compared.
    """
    location: Path | str = place.home / "registry"
    if config is not None:
        location = registry_folder(config, place.root)
    try:
        registry = Registry(location)
        versions = registry.versions()
    except (PlumblineError, OSError) as exc:
        finding = DoctorFinding(
            "error", str(location), line(exc, 400), "make it readable, or correct [registry] directory"
        )
        return checked("registry", place.dataset, str(location), [finding])
    folder = location if isinstance(location, Path) else None
    findings = []
    labels: Aliases | None = None
    try:
        labels = registry.labels()
    except (PlumblineError, OSError) as exc:
        findings.append(_unreadable_labels(registry, exc))
    seen = _versions(registry, versions, labels, options)
    if labels is None and not findings and versions:
        findings.append(_no_labels(registry))
    for version, why in seen.unreadable.items():
        findings.append(_manifest(place, registry, folder, version, why))
    for version, names in seen.damaged.items():
        findings.append(_damaged(place, registry, folder, version, names))
    if labels is not None:
        findings += _labels(registry, labels, versions)
    if not place.busy:
        findings += _leftovers(registry, folder)
    said = ", ".join(f"{role} {number}" for role in ROLES if labels and (number := getattr(labels, role)) is not None)
    about = f"{len(versions)} versions" + (f" ({said})" if said else "")
    return checked("registry", place.dataset, about if versions or labels else "none yet", findings)


def _versions(registry: Registry, versions: list[int], labels: Aliases | None, options: DoctorOptions) -> VersionStates:
    labelled = {getattr(labels, role) for role in ROLES} if labels else set()
    wanted = set(versions) if options.digests else labelled | set(versions[-NUM_NEWEST_VERIFIED:])
    damaged, unreadable = {}, {}
    for version in versions:
        try:
            registry.manifest(version)
            if version in wanted and not options.quick and (names := registry.damaged(version)):
                damaged[version] = names
        except UsageError as exc:
            unreadable[version] = line(exc, 300)
        except (PlumblineError, OSError) as exc:
            damaged[version] = [line(exc, 300)]
    return VersionStates(damaged, unreadable)


def _manifest(place: DatasetPaths, registry: Registry, folder: Path | None, version: int, why: str) -> DoctorFinding:
    if folder is None:
        return DoctorFinding(
            "error", f"{registry.where}/{version}/manifest.json", why, "push the model again: plumbline run"
        )
    file = folder / str(version) / "manifest.json"
    what = "is missing" if not file.exists() else "cannot be read, or is no manifest"
    do = "--repair rebuilds it if the run's summary and an identical model exist; otherwise it sets the version aside"
    return DoctorFinding(
        "error", str(file), what, do, lambda aside: repair_manifest(place.home, registry, version, aside)
    )


def _damaged(
    place: DatasetPaths, registry: Registry, folder: Path | None, version: int, names: list[str]
) -> DoctorFinding:
    more = f", and {len(names) - 1} more" if len(names) > 1 else ""
    what = f"{names[0]}{more}: differs from the pushed file"
    where = f"{registry.where}/{version}"
    if folder is None:
        return DoctorFinding("error", where, what, "push the model again: plumbline run")
    do = "--repair restores it from the run's artifacts if they exist; otherwise it sets the version aside"
    return DoctorFinding("error", where, what, do, lambda aside: repair_version(place.home, registry, version, aside))


def _unreadable_labels(registry: Registry, exc: Exception) -> DoctorFinding:
    what = line(exc, 300).removeprefix(f"{registry.where}/labels.json: ").partition("; restore")[0]
    do = "--repair makes the newest undamaged version live"
    return DoctorFinding(
        "error", f"{registry.where}/labels.json", what, do, lambda aside: repair_labels(registry, aside)
    )


def _no_labels(registry: Registry) -> DoctorFinding:
    what = "is missing, but versions exist: no version is live, and the next model would be compared with no champion"
    do = "--repair makes the newest undamaged version live"
    return DoctorFinding(
        "error", f"{registry.where}/labels.json", what, do, lambda aside: repair_labels(registry, aside)
    )


def _labels(registry: Registry, labels: Aliases, versions: list[int]) -> list[DoctorFinding]:
    where = f"{registry.where}/labels.json"
    nowhere = [role for role in ROLES if (number := getattr(labels, role)) is not None and number not in versions]
    findings = []
    if nowhere:
        said = ", ".join(f"{role} is {getattr(labels, role)}" for role in nowhere)
        there = ", ".join(map(str, versions[-5:])) or "none"
        what = f"{said}, which does not exist (available: {there})"
        do = "--repair points the alias to an undamaged version, or removes it"
        findings.append(
            DoctorFinding(
                "error" if {"live", "canary"} & set(nowhere) else "warning",
                where,
                what,
                do,
                lambda aside: repair_labels(registry, aside),
            )
        )
    elif labels.live is None and versions:
        what = f"no version is live, though {len(versions)} exist: a push was killed before its last step"
        findings.append(DoctorFinding("info", where, what, "nothing: the next push of that model makes it live"))
    return findings


def _leftovers(registry: Registry, folder: Path | None) -> list[DoctorFinding]:
    try:
        left = registry.leftovers()
    except (PlumblineError, OSError) as exc:
        return [
            DoctorFinding(
                "warning", registry.where, f"leftovers of interrupted pushes cannot be read ({line(exc)})", "try again"
            )
        ]
    if not left:
        return []
    what = f"{len(left)} leftovers of interrupted pushes, such as {Path(left[0]).name}"
    if folder is None:
        return [DoctorFinding("info", registry.where, what, "nothing: the next push finishes or removes them")]
    do = "--repair sets them aside"
    return [DoctorFinding("warning", registry.where, what, do, lambda aside: move_leftovers(registry, aside))]
