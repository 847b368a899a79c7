"""What a person sees of the demo, in a file or a pipe."""

import io

import pytest

from components.shared.errors import PlumblineError
from pipeline.demo.console import Console, ascii_text


def test_a_stage_is_announced_and_its_end_too():
    out = io.StringIO()
    console = Console(out, total=2)
    with console.stage("serve the model"):
        console.doing("loading")  # shown on a terminal only
        console.say("one\ntwo…")
    with pytest.raises(PlumblineError), console.stage("replay"):
        raise PlumblineError("no answer")
    lines = out.getvalue().splitlines()
    assert lines[:4] == ["[ 1/2] serve the model", "        one", "        two...", "        done in 0 s"]
    assert lines[4:] == ["[ 2/2] replay", "        failed after 0 s"]


def test_nothing_is_printed_when_quiet():
    with Console(None, total=1).stage("serve"):
        pass


def test_text_is_ascii():
    assert ascii_text("é…") == "\\xe9..."
