"""The pod's termination message after a signal, in a process of its own, wherever its main thread is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

STEP = """
import ctypes, sys, time
from components.shared.errors import InputError
from pipeline.process.command_runner import own_process
from pipeline.runners.kubeflow.termination import run_with_termination_message

def cpp():
    mutex = ctypes.create_string_buffer(64)  # of zeros: PTHREAD_MUTEX_INITIALIZER
    lock = ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex)
    print("ready", flush=True)
    lock(mutex)  # waits for ever: a signal does not end the call

def python():
    print("ready", flush=True)
    time.sleep(60)

def swallowed():
    print("ready", flush=True)
    try:
        time.sleep(60)
    except BaseException:
        pass  # as C++ does that calls back into Python

def wrong_input():
    raise InputError("data/span-1: no rows")

own_process(lambda: run_with_termination_message(globals()[sys.argv[1]], "Trainer"))
"""


def start(log: Path, where: str) -> "subprocess.Popen[str]":
    log.touch()
    return subprocess.Popen(
        [sys.executable, "-c", STEP, where],
        env=os.environ | {"PLUMBLINE_TERMINATION_LOG": str(log)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("where", ["python", "cpp", "swallowed"])
def test_a_signal_is_the_pods_termination_message(tmp_path, where):
    log = tmp_path / "termination-log"
    process = start(log, where)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 143
    line = "ended by SIGTERM; completed steps are kept, run again to continue"
    assert err == f"plumbline: {line}\n"
    assert log.read_text() == line


def test_a_mistake_in_the_input_is_the_message(tmp_path):
    log = tmp_path / "termination-log"
    process = start(log, "wrong_input")
    _, err = process.communicate(timeout=15)
    assert process.returncode == 2
    assert err == "plumbline: data/span-1: no rows\n"
    assert log.read_text() == "data/span-1: no rows"
