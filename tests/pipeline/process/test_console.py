import io
import os
import subprocess
import sys

import pytest

from pipeline.process.console import Progress

SCRIPT = """
import os, sys
from pathlib import Path
from pipeline.process.console import redirect_output

def chatter(word):
    os.write(1, f"C stdout {word}\\n".encode())
    os.write(2, f"C stderr {word}\\n".encode())
    print("Python stdout", word)
    print("Python stderr", word, file=sys.stderr)

open_before = set(os.listdir("/proc/self/fd"))
chatter("before")
print("not yet flushed", end="|")
try:
    with redirect_output(Path("new/run.log")) as person:
        chatter("inside")
        os.system("echo a child inside")
        person.write("for a person, ü\\n")
        if len(sys.argv) > 1:
            raise ValueError("inside")
except ValueError:
    print("raised")
with redirect_output(Path("new/run.log")):
    print("appended")
chatter("after")
sys.stdout.flush()
assert set(os.listdir("/proc/self/fd")) == open_before
"""


@pytest.mark.parametrize("arguments", [[], ["raise"]])
def test_chatter_of_python_c_and_children_goes_to_the_log_and_nothing_else_does(tmp_path, arguments):
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], cwd=tmp_path, capture_output=True, check=True)
    log = (tmp_path / "new" / "run.log").read_text()
    for line in ("C stdout", "C stderr", "Python stdout", "Python stderr", "a child"):
        assert log.count(f"{line} inside\n") == 1
    assert log.endswith("appended\n")
    assert "before" not in log
    assert "after" not in log
    assert "not yet flushed" not in log
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "inside" not in out + err
    assert "appended" not in out + err
    assert "for a person, ü\n" in err
    for when in ("before", "after"):
        assert f"C stdout {when}\n" in out
        assert f"Python stdout {when}\n" in out
        assert f"C stderr {when}\n" in err
        assert f"Python stderr {when}\n" in err
    assert "not yet flushed|" in out
    assert ("raised\n" in out) == bool(arguments)


def steps(progress: Progress) -> None:
    with progress.step("Ingest") as step:
        step.state = "cached"
    with pytest.raises(KeyError), progress.step("Trainer"):
        raise KeyError("x")
    progress.say("that was it")


def test_without_a_terminal_progress_is_plain_lines():
    stream = io.StringIO()
    steps(Progress(stream, total=2))
    first, second, third = stream.getvalue().splitlines()
    assert first.split()[:4] == ["[", "1/2]", "Ingest", "cached"]
    assert second.split()[:4] == ["[", "2/2]", "Trainer", "failed"]
    assert third == "that was it"
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_step_tells_its_state_and_time():
    progress = Progress(None, total=1)  # nobody is watching
    with progress.step("Ingest") as step:
        pass
    assert step.state == "executed"
    assert step.seconds >= 0
    with pytest.raises(KeyboardInterrupt), progress.step("Trainer") as step:
        raise KeyboardInterrupt
    assert step.state == "failed"


def test_on_a_terminal_the_line_is_replaced():
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as stream:
        steps(Progress(stream, total=2))
        text = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "\r\x1b[2K[ 1/2] Ingest" in text


FOLLOWED = """
import os
from pathlib import Path
from pipeline.process.console import redirect_output

with redirect_output(Path("run.log")):
    os.write(2, b"an earlier run\\n")
with redirect_output(Path("run.log"), follow=True) as person:
    os.write(2, b"from C\\n")
    print("from Python")
    os.system("echo from a child")
"""


def test_a_followed_log_is_shown_from_where_it_began_to_its_last_line(tmp_path):
    done = subprocess.run([sys.executable, "-c", FOLLOWED], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sorted(done.stderr.splitlines()) == ["from C", "from Python", "from a child"]
    assert done.stdout == ""
    assert (tmp_path / "run.log").read_text().count("\n") == 4
