"""kill -9 at random moments of log, feedback and span: each acknowledged row ends up in one span, once."""

import multiprocessing
import os
import random
import time
from collections import Counter
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.errors import InputError
from components.shared.files import sha256
from pipeline.labels.retraining_spans import RetrainingSpans
from pipeline.settings.config import load_config
from serving.request_log.feedback import Origin, import_labels
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.pipeline.labels.served_loans import HOME, LOG, make, record, serve
from tests.pipeline.labels.test_retraining_spans import rows

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
SETTINGS = Path("schemas/loans/pipeline.toml")


def import_for(names: list[str]) -> None:
    batch = pa.record_batch(
        [pa.array(names), pa.nulls(len(names), pa.int32()), pa.array(["yes"] * len(names))],
        ["request_id", "row", "target"],
    )
    import_labels(LOG, [batch], Origin("labels.csv", "0" * 64, "test"))


def write_spans() -> bool:
    spans = RetrainingSpans(load_config(SETTINGS), HOME.resolve())
    try:
        spans(len(spans.ledger.entries()) + 1, NOW)
    except InputError:  # too few rows for two spans
        return False
    return True


def live(trial: int, pipe: int, unlabelled: list[str]) -> None:
    """Serves, imports labels and writes spans until it is killed; says what is acknowledged.

    It begins with another of the three in each trial, so that each is under way at many of the kills.
    """
    names: list[str] = []
    for step in count(trial):
        if step % 3 == 0:
            write_spans()
        elif step % 3 == 1:
            writer = RequestLogWriter(LOG, LogSettings(synchronous=True, segment_bytes=20_000))
            names = [f"{trial}-{step}-{number}" for number in range(12)]
            for name in names:
                if writer.append(record(name)).result(60):
                    os.write(pipe, f"A {name}\n".encode())
            if step % 2:
                writer.close()  # else the segment stays open, as of a server that goes on
        elif names or unlabelled:
            import_for([*names, *unlabelled])
            os.write(pipe, "".join(f"L {name}\n" for name in [*names, *unlabelled]).encode())
            unlabelled = []


@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.long)])
def test_killed_at_random_moments(tmp_path: Path, monkeypatch, kills: int):
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    first = [f"first-{number}" for number in range(12)]
    serve(tmp_path, first)
    import_for(first)
    assert write_spans()
    chance = random.Random(19)
    context = multiprocessing.get_context("fork")  # a process that has its modules: kills hit the work, not imports
    told: dict[str, set[str]] = {"A": set(first), "L": set(first)}
    for trial in range(kills):
        read, write = os.pipe()
        process = context.Process(target=live, args=(trial, write, sorted(told["A"] - told["L"])))
        process.start()
        os.close(write)
        time.sleep(0.1 + chance.random() * 1.4)
        process.kill()
        process.join(60)
        with os.fdopen(read) as lines:
            for line in lines.read().split("\n")[:-1]:
                kind, name = line.split()
                told[kind].add(name)
        assert process.exitcode == -9
    last = [f"last-{number}" for number in range(12)]  # enough rows for two spans
    serve(tmp_path, last)
    told["A"].update(last)
    import_for(sorted(told["A"]))
    assert write_spans()
    ledger = RetrainingSpans(load_config(SETTINGS), HOME.resolve()).ledger
    entries = ledger.entries()
    assert len(entries) >= 2
    found: Counter[str] = Counter()
    for entry in entries:
        for span in entry.spans:
            content = rows(span.span)
            assert len(content) == span.rows and sha256(Path("data") / span.name) == span.sha256
            found.update(one["loan_id"] for one in content)
    assert set(found.values()) == {1}, "a row is in two spans"
    assert {f"{name}/{row}" for name in told["A"] for row in (0, 1)} <= set(found), "an acknowledged row is lost"
    numbers = [span.span for entry in entries for span in entry.spans]
    assert numbers == list(range(3, 3 + len(numbers)))  # no gap, which would stop a run
    assert len(list(Path("data").iterdir())) == 2 + len(numbers)
    left = [path.name for path in (HOME / "monitor" / "spans").iterdir() if not path.stem.isdigit()]
    assert left == [".lock"]
