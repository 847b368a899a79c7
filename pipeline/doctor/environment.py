"""Checks the environment without importing libraries: Python, versions, CPU, memory, disk, locale, clock, limits."""

import importlib.metadata
import locale
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.doctor.finding import CheckResult, DoctorFinding, checked, line, size_text

LOCK = Path(__file__).parents[2] / "requirements.lock"
STACK = (
    "tensorflow", "tfx", "ml-metadata", "pyarrow", "apache-beam", "tensorflow-data-validation",
    "tensorflow-transform", "tensorflow-model-analysis", "tfx-bsl", "protobuf", "numpy", "pandas", "lightgbm",
    "scikit-learn", "pydantic",
)  # fmt: skip
"""Distributions for which another version is an error; other distributions cause a warning."""

PYTHONS = ((3, 10), (3, 13))
MIN_MEMORY, MIN_DISK = 2_500_000_000, 2_000_000_000
"""Bytes. A run on 300,000 flights needs 2.1 GB of memory at its peak and writes some hundred MB."""
NO_DISK = 200_000_000
MIN_FILES = 256
SKEW = 120.0
"""Tolerance in seconds for modification times in the future: clocks of file servers differ."""
IMPORT_SECONDS = 180


def check_environment(root: Path, start: "TensorFlowImport | None" = None) -> CheckResult:
    """Checks the machine and the installation for runs below `root`.

    Args:
      root: Folder of all runs; it need not exist.
      start: A started import of TensorFlow; None omits this check.
    """
    findings = [
        *_python(),
        *_versions(),
        *_processor(),
        *_memory(),
        *_disk(root),
        *_locale(),
        *_limits(),
        *_clock(root),
    ]
    if start is not None:
        findings += start.findings()
    return checked("environment", "", _about(root), findings)


class TensorFlowImport:
    """Runs `import tensorflow` in a child process, so that a crash (illegal instruction) becomes a finding."""

    def __init__(self) -> None:
        code = "import tensorflow, ml_metadata, pyarrow; print(tensorflow.__version__)"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and the code above
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        )

    def findings(self) -> list[DoctorFinding]:
        """Waits for the process; returns a finding if the import failed or took longer than IMPORT_SECONDS."""
        repair = "reinstall the environment: make setup"
        try:
            code = self._process.wait(IMPORT_SECONDS)
        except subprocess.TimeoutExpired:
            return [DoctorFinding("error", "tensorflow", f"its import did not end within {IMPORT_SECONDS} s", repair)]
        finally:
            self.close()
        if code == 0:
            return []
        self._errors.seek(0)
        said = [one.strip() for one in self._errors.read().decode(errors="replace").splitlines() if one.strip()]
        self._errors.close()
        how = (
            f"is killed by signal {-code}" if code < 0 else f"fails: {said[-1][:200] if said else f'exit code {code}'}"
        )
        return [DoctorFinding("error", "tensorflow", f"its import {how}", repair)]

    def close(self) -> None:
        """Kills the process if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _about(root: Path) -> str:
    def version(name: str) -> str:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return "none"

    parts = [
        f"Python {platform.python_version()}",
        f"TensorFlow {version('tensorflow')}",
        f"TFX {version('tfx')}",
        f"{os.cpu_count()} CPUs",
    ]
    free = available_memory()
    if free is not None:
        parts.append(f"{size_text(free)} memory")
    place = _existing(root)
    if place is not None:
        parts.append(f"{size_text(shutil.disk_usage(place).free)} disk")
    return ", ".join(parts)


def _python() -> Iterator[DoctorFinding]:
    low, high = PYTHONS
    if not low <= sys.version_info[:2] <= high:
        yield DoctorFinding(
            "error",
            sys.executable,
            f"is Python {platform.python_version()}; TFX 1.21 needs {low[0]}.{low[1]} to {high[0]}.{high[1]}",
            "install such a Python and run: make setup",
        )
    if sys.maxsize < 2**32:
        yield DoctorFinding(
            "error", sys.executable, "is a 32-bit Python; TensorFlow needs 64 bits", "install a 64-bit Python"
        )


def _versions() -> list[DoctorFinding]:
    """Compares installed distributions with requirements.lock, or without that file with Plumbline's requirements."""
    return version_findings(pins(LOCK), LOCK.name) if LOCK.is_file() else _against_requirements()


def version_findings(wanted: Mapping[str, str], where: str) -> list[DoctorFinding]:
    """Compares installed distributions with expected versions.

    Args:
      wanted: Distribution -> version.
      where: Name of the file with these versions, for the messages.

    Returns:
      A finding for each missing or different distribution of STACK, and one for all others together.
    """
    findings, others = [], []
    for name, version in wanted.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name in STACK:
                findings.append(
                    DoctorFinding("error", name, f"is not installed; {where} has {version}", "run: make setup")
                )
            continue
        except Exception as exc:  # a half-removed distribution
            findings.append(DoctorFinding("error", name, f"is installed in part ({line(exc)})", "run: make setup"))
            continue
        if found == version:
            continue
        if name in STACK:
            same = found.split(".")[:2] == version.split(".")[:2]
            what = f"is version {found}; {where} has {version}"
            findings.append(DoctorFinding("warning" if same else "error", name, what, "run: make setup"))
        else:
            others.append(f"{name} {found} ({version})")
    if others:
        more = f", and {len(others) - 5} more" if len(others) > 5 else ""
        what = f"{len(others)} other packages differ from {where}: {', '.join(others[:5])}{more}"
        findings.append(DoctorFinding("warning", where, what, "run: make setup"))
    return findings


def pins(lock: Path) -> dict[str, str]:
    """Parses a lock file: distribution -> version, for lines whose environment marker applies here."""
    found = {}
    for match in re.finditer(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\\n]+))?", lock.read_text("utf-8")):
        name, version, marker = match[1], match[2], (match[3] or "").strip()
        if not marker or _holds(marker):
            found[re.sub(r"[-_.]+", "-", name).lower()] = version
    return found


def _holds(marker: str) -> bool:
    try:
        from packaging.markers import Marker

        return Marker(marker).evaluate()
    except Exception:
        return False  # an unreadable marker: the line is not checked


def _against_requirements() -> list[DoctorFinding]:
    try:
        from packaging.requirements import Requirement

        requirements = [Requirement(one) for one in importlib.metadata.requires("plumbline") or ()]
    except Exception as exc:
        what = f"cannot be compared with what Plumbline requires ({line(exc)})"
        return [DoctorFinding("warning", "packages", what, "run: make setup")]
    findings = []
    for one in requirements:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            found = importlib.metadata.version(one.name)
        except importlib.metadata.PackageNotFoundError:
            findings.append(DoctorFinding("error", one.name, f"is not installed; needed: {one}", "reinstall Plumbline"))
            continue
        if not one.specifier.contains(found, prereleases=True):
            findings.append(
                DoctorFinding("error", one.name, f"is version {found}; needed: {one}", "reinstall Plumbline")
            )
    return findings


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Iterator[DoctorFinding]:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return
    flags = cpu_flags(cpuinfo)
    if flags and "avx" not in flags:
        yield DoctorFinding(
            "error",
            "processor",
            "has no AVX, which TensorFlow's wheels need",
            "use a newer machine, or build TensorFlow from source",
        )
    elif flags and not {"avx2", "fma"} <= flags:
        yield DoctorFinding(
            "info", "processor", "has no AVX2 or FMA: training is slower", "use a newer machine for faster training"
        )


def cpu_flags(cpuinfo: Path) -> set[str]:
    """Returns the flags of the first processor; empty if they are unknown."""
    try:
        match = re.search(r"(?m)^flags\s*:\s*(.*)$", cpuinfo.read_text("utf-8", errors="replace"))
    except OSError:
        return set()
    return set(match[1].split()) if match else set()


def _memory() -> Iterator[DoctorFinding]:
    free = available_memory()
    if free is not None and free < MIN_MEMORY:
        yield DoctorFinding(
            "warning",
            "memory",
            f"{size_text(free)} are available; a run on 300,000 rows needs 2.1 GB at its peak",
            "end other programs, raise the limit, or use a sample: plumbline run --sample",
        )


def available_memory() -> int | None:
    """Returns the bytes that a new process can allocate, by machine and control group; None if unknown."""
    found = []
    try:
        text = Path("/proc/meminfo").read_text("ascii", errors="replace")
        found.append(int(re.search(r"MemAvailable:\s+(\d+) kB", text)[1]) * 1024)  # type: ignore[index]
    except (OSError, TypeError, ValueError):
        pass
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            found.append(max(0, int(Path(limit).read_text()) - int(Path(used).read_text())))
        except (OSError, ValueError):
            continue  # "max" is no limit
    return min(found) if found else None


def _disk(root: Path) -> Iterator[DoctorFinding]:
    place = _existing(root)
    if place is None:
        yield DoctorFinding("error", str(root), "no folder of this path exists", "choose another folder with --root")
        return
    for where, what in ((place, "runs"), (Path(tempfile.gettempdir()), "temporary files")):
        if not _writable(where):
            do = "choose another folder with --root" if what == "runs" else "set TMPDIR to a writable folder"
            yield DoctorFinding("error", str(where), f"cannot be written; {what} are stored there", do)
            continue
        free = shutil.disk_usage(where).free
        if free < MIN_DISK and (what == "runs" or free < NO_DISK):
            yield DoctorFinding(
                "error" if free < NO_DISK else "warning",
                str(where),
                f"{size_text(free)} are free for {what}; a run may need more than {size_text(MIN_DISK)}",
                "free some (plumbline gc --apply), or choose another folder with --root",
            )
        files = os.statvfs(where)
        if files.f_files and files.f_favail < 10_000:
            yield DoctorFinding(
                "warning", str(where), f"only {files.f_favail:,} more files can be created", "delete some files"
            )


def _existing(path: Path) -> Path | None:
    return next((one for one in (path, *path.parents) if one.is_dir()), None)


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _locale() -> Iterator[DoctorFinding]:
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        named = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
        what = f"the locale {named!r} is not installed on this machine"
        yield DoctorFinding("warning", "locale", what, "export LC_ALL=C.UTF-8")
    finally:
        locale.setlocale(locale.LC_ALL, before)
    if sys.getfilesystemencoding().lower().replace("-", "") != "utf8" or (
        (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    ):
        what = f"text is encoded as {sys.stdout.encoding}: names in other scripts cannot be shown"
        yield DoctorFinding("warning", "locale", what, "export LC_ALL=C.UTF-8, or PYTHONUTF8=1")


def _limits() -> Iterator[DoctorFinding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MIN_FILES:
        yield DoctorFinding(
            "warning", "ulimit -n", f"a process may open only {soft} files", f"ulimit -n {4 * MIN_FILES}"
        )


def _clock(root: Path) -> Iterator[DoctorFinding]:
    if time.time() < 1_735_689_600:  # 2025: before this release
        what = f"shows {time.strftime('%Y-%m-%d')}, before this release of Plumbline"
        yield DoctorFinding("error", "clock", what, "set the clock: runs are named and ordered by time")
        return
    late = [path for path in _dated(root) if _modified(path) > time.time() + SKEW]
    if late:
        newest = max(late, key=_modified)
        ahead = (_modified(newest) - time.time()) / 60
        yield DoctorFinding(
            "warning",
            "clock",
            f"{len(late)} files have a time in the future, {newest} by {ahead:,.0f} minutes: the clock was set back, "
            "or is wrong",
            "check the clock (date); until then `runs` and the cache may take the wrong run for the newest",
        )


def _dated(root: Path) -> Iterator[Path]:
    for pattern in ("*/metadata.sqlite", "*/registry/labels.json", "*/reports/*", "*/cache/*"):
        yield from root.glob(pattern)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
