"""What a run is expected to need, against what there is."""

import resource
import subprocess
import sys

import pytest

from components.shared.errors import UsageError
from pipeline.process import disk, resource_limits
from pipeline.process.memory import available_bytes, left_in_container, peak_bytes
from pipeline.process.system_errors import expected, free_bytes


def test_bytes_needed_by_kind_of_file():
    # 40 MB whatever the input is; 1.5 for each byte of text, 6 for gzip, 4 for Parquet
    assert disk.bytes_needed([("a.csv", 10), ("b.csv.gz", 10), ("c.PARQUET", 10)]) == 40_000_000 + 15 + 60 + 40
    assert disk.bytes_needed([("a.csv", 1000)], share=0.1) == 40_000_000 + 150


def test_bytes_needed_where_all_is_cached(tmp_path):
    assert disk.cached_bytes_needed(tmp_path) == 3_000_000
    (tmp_path / "metadata.sqlite").write_bytes(b"x" * 500)
    assert disk.cached_bytes_needed(tmp_path) == 3_000_500


def test_a_disk_that_suffices_may_not_suffice_or_cannot(tmp_path):
    free = free_bytes(tmp_path)
    assert disk.check_disk(tmp_path, free // 2) is None
    line = disk.check_disk(tmp_path, free * 2)
    assert line is not None
    assert line.startswith(f"{tmp_path}: ")
    assert "needed; the run may fail for lack of space" in line
    with pytest.raises(UsageError, match=r"free, about .* needed; free some \(plumbline gc\)"):
        disk.check_disk(tmp_path, free * 10)
    assert expected.pop(str(tmp_path)) == free * 10


def test_memory_of_a_training():
    # 1.1 GB of libraries and 48 bytes a cell
    assert resource_limits.training_bytes(rows=1_000_000, columns=20) == 1_100_000_000 + 960_000_000
    assert resource_limits.check_memory(rows=1, columns=1) is None or available_bytes() < 1_100_000_048
    line = resource_limits.check_memory(rows=10**9, columns=1000)
    assert line is not None
    assert line.startswith("Trainer: 1,000,000,000 rows x 1,000 features need about 48001.1 GB of memory, ")
    assert "[data] window" in line


def test_what_is_measured_is_plausible():
    assert 10_000_000 < peak_bytes() < 1 << 40
    left = available_bytes()
    assert left is None or 0 <= left < 1 << 50


@pytest.mark.parametrize(
    ("limit", "used", "stat", "entry"),
    [
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
    ],
    ids=["cgroup v2", "cgroup v1"],
)
def test_page_cache_of_a_container_is_not_used_memory(tmp_path, limit, used, stat, entry):
    (tmp_path / limit).parent.mkdir(exist_ok=True)
    (tmp_path / limit).write_text("4000000000\n")
    (tmp_path / used).write_text("3900000000\n")
    assert left_in_container(tmp_path) == 100_000_000
    # What cgroup v1 counts for the container alone, without those below it, is not what its usage counts.
    (tmp_path / stat).write_text(f"cache 1\nactive_file 500000000\nworkingset_nodes 7\n{entry} 3000000000\n")
    assert left_in_container(tmp_path) == 3_100_000_000
    (tmp_path / stat).write_text(f"{entry} 5000000000\n")  # read later than the usage
    assert left_in_container(tmp_path) == 4_000_000_000
    (tmp_path / limit).write_text("max\n")
    assert left_in_container(tmp_path) is None


def test_the_peak_is_not_that_of_the_process_that_started_this_one():
    script = (
        "import subprocess, sys\n"
        "held = bytearray(b'x' * 400_000_000)\n"
        "child = 'from pipeline.process.memory import peak_bytes; print(peak_bytes())'\n"
        "sys.exit(subprocess.run([sys.executable, '-c', child]).returncode)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300_000_000


LIMITED = """
from components.shared.errors import ResourceError
from pipeline.process.error_messages import as_error
from pipeline.process.resource_limits import check_limits
try:
    check_limits()
except ResourceError as exc:
    print(exc)
try:
    bytearray(1 << 40)
except MemoryError as exc:
    print(as_error(exc))
"""


def test_under_a_limit_on_address_space():
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True, preexec_fn=limit)
    first, second = done.stdout.splitlines()
    assert first.startswith("memory: the limit on address space (ulimit -v) leaves ")
    assert second.startswith("out of memory (peak 0.")
    assert "1.1 GB allowed (ulimit -v)" in second
