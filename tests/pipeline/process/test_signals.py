"""Each signal, as a process: the exit code, one line, what is open closed, within 10 s, wherever the main thread is."""

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.process.default_signals import default_signals

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}

COMMAND = """
import ctypes, os, signal, subprocess, sys, tempfile, time
from pathlib import Path
from pipeline.process.command_runner import run_command, own_process
from pipeline.process.signals import on_interruption
from pipeline.process.temporary_files import scratch

home = Path(sys.argv[1])

def ready():
    print("ready", flush=True)

def python():
    ready()
    time.sleep(60)

def swallows():
    ready()
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def cpp():
    mutex = ctypes.create_string_buffer(64)  # of zeros: PTHREAD_MUTEX_INITIALIZER
    lock = ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex)
    ready()
    lock(mutex)  # waits for ever: a signal does not end the call

def cpp_for_a_while():
    mutex = ctypes.create_string_buffer(64)
    library = ctypes.CDLL(None)
    def closing():
        library.pthread_mutex_unlock(mutex)  # the main thread returns from C++ while the watchdog is closing
        time.sleep(1)
    library.pthread_mutex_lock(mutex)
    with on_interruption(closing):
        ready()
        library.pthread_mutex_lock(mutex)
        time.sleep(0.1)
        (home / "worked_on").touch()

def busy_timer():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    swallows()

def other_error():
    ready()
    try:
        time.sleep(60)
    except BaseException:
        raise ImportError("initialization of x raised unreported exception")

def last_second():
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    subprocess.Popen([sys.executable, "-c", stubborn])
    time.sleep(1)
    ready()

def command():
    with scratch(home), on_interruption(lambda: (home / "closed").touch()):
        tempfile.mkstemp()
        child = subprocess.Popen(["sleep", "600"])
        (home / "child").write_text(str(child.pid))
        globals()[sys.argv[2]]()
    return 0

own_process(lambda: run_command(command, debug=False))
"""


def start(home: Path, where: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(home), where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)  # until it waits: a signal within the print would find the line half flushed
    return process


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("where", "number"),
    [
        *itertools.product(["python", "swallows", "cpp", "other_error"], CODES),
        ("cpp_for_a_while", signal.SIGTERM),
        ("busy_timer", signal.SIGTERM),
    ],
)
def test_a_signal_ends_the_process_cleanly(tmp_path, where, number):
    process = start(tmp_path, where)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == CODES[number]
    assert out == ""
    how = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    assert err == f"plumbline: {how}; completed steps are kept, run again to continue\n"
    assert (tmp_path / "closed").exists()
    assert not (tmp_path / "worked_on").exists()
    assert not list(tmp_path.glob("plumbline-*"))
    assert not is_alive(int((tmp_path / "child").read_text()))


def test_a_second_signal_does_not_wait(tmp_path):
    process = start(tmp_path, "cpp")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    # Both may be pending when the process looks: the kernel hands over the lower number first.
    assert process.returncode in (143, 130)
    assert len(err.splitlines()) == 1
    assert (tmp_path / "closed").exists()


def test_what_the_parent_had_set_to_be_ignored_stays_so(tmp_path):
    script = f'trap \'\' HUP; exec {sys.executable} -c "$0" "$@"'
    process = subprocess.Popen(
        ["sh", "-c", script, COMMAND, str(tmp_path), "python"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 143


def test_a_signal_while_children_are_ended_changes_nothing(tmp_path):
    process = start(tmp_path, "last_second")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert process.returncode in (0, 143)
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 1
    assert not is_alive(int((tmp_path / "child").read_text()))
