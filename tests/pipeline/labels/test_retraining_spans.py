"""The labelled log becomes spans: each row in one, held-out rows apart, mature labels alone."""

import csv
import multiprocessing
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.files import sha256
from monitor.retraining.span_ledger import SpanLedger
from pipeline.cli.command_line import main
from pipeline.labels.retraining_spans import RetrainingSpans, held_out
from pipeline.settings.config import load_config
from tests.pipeline.labels import served_loans
from tests.pipeline.labels.served_loans import HOME, LOG, SETTINGS, feedback_file, make, serve

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
NAMES = [f"r{number}" for number in range(40)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    serve(tmp_path, NAMES)
    return tmp_path


def spans(settings: str = "") -> RetrainingSpans:
    path = Path("schemas/loans/pipeline.toml")
    if settings:
        path.write_text(settings)
    return RetrainingSpans(load_config(path), HOME.resolve())


def label(place: Path, names: list[str], value: str = "yes") -> None:
    assert main(["feedback", feedback_file(place, [f"{name},,{value}" for name in names]), "--dataset", "loans"]) == 0


def rows(span: int) -> list[dict[str, str]]:
    with Path(f"data/span-{span}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_labelled_rows_become_a_training_and_an_evaluation_span_once(place: Path):
    label(place, NAMES[:30])
    found = spans()(1, NOW)
    assert (found.span, found.eval_span, found.rows) == (3, 4, 60)
    both = {3: {one["loan_id"] for one in rows(3)}, 4: {one["loan_id"] for one in rows(4)}}
    out = {name for name in NAMES[:30] if held_out(name, 0.25)}
    assert both[4] == {f"{name}/{row}" for name in out for row in (0, 1)} and out
    assert both[3] | both[4] == {f"{name}/{row}" for name in NAMES[:30] for row in (0, 1)} and not both[3] & both[4]
    one = next(row for row in rows(3) if row["loan_id"].endswith("/1"))
    assert (one["purpose"], float(one["amount"]), one["clerk"], one["repaid"]) == ("car", 1.0, "", "yes")
    assert "60 of" not in found.text and "75 % of the mature rows" in found.text
    assert spans()(1, NOW) == found  # asked again, it writes nothing
    with pytest.raises(InputError, match="no row has a mature label"):
        spans()(2, NOW)
    label(place, NAMES[30:])  # labels that came later
    again = spans()(2, NOW)
    assert (again.span, again.eval_span, again.rows) == (5, 6, 20)
    every = Counter(one["loan_id"] for span in (3, 4, 5, 6) for one in rows(span))
    assert set(every.values()) == {1} and len(every) == 80


def test_lineage_from_a_request_to_its_span(place: Path, capsys):
    label(place, NAMES)
    spans()(1, NOW)
    ledger = spans().ledger
    (entry,) = ledger.entries()
    assert (entry.retraining, entry.feedback, entry.mature, entry.rows) == (1, 1, 80, 80)
    assert entry.since == "2026-11-29T12:00:00+00:00" and entry.until == "2026-11-30T00:00:00+00:00"
    for span in entry.spans:
        assert span.sha256 == sha256(Path("data") / span.name)
    ((_, row, span), other) = ledger.spans_of("r3")
    assert (row, other[1]) == (0, 1) and span.part == ("evaluation" if held_out("r3", 0.25) else "training")
    assert main(["retrain", "trace", "--dataset", "loans", "r3"]) == 0
    assert f"row 0: {span.name} ({span.part}), retraining 1" in capsys.readouterr().out
    assert main(["retrain", "trace", "--dataset", "loans", "r99"]) == 2
    assert "no row of this request is in a span" in capsys.readouterr().err


def test_labels_that_are_not_mature_wait(place: Path):
    label(place, NAMES)
    late = spans(SETTINGS + "label_delay_hours = 24\n")
    assert late.count(NOW).mature == 0
    with pytest.raises(InputError, match="no row has a mature label"):
        late(1, NOW)
    assert late(1, NOW + timedelta(hours=13)).rows == 80
    assert not list(Path("runs/loans/monitor/spans").glob("*staged*"))


def test_which_rows_count(place: Path):
    """Of a request that was sent twice the first row; every arm that was sent; no shadow, no failed request."""
    serve(place, NAMES[:2], rows=3)  # again, with one row more
    serve(place, ["base"], "baseline")
    serve(place, ["shadow"], "shadow")
    serve(place, ["failed"], status=500)
    label(place, [*NAMES, "base", "shadow", "failed"])
    found = Counter()
    spans()(1, NOW)
    for span in (3, 4):
        found.update(one["loan_id"] for one in rows(span))
    expected = {f"{name}/{row}" for name in [*NAMES, "base"] for row in (0, 1)} | {"r0/2", "r1/2"}
    assert set(found) == expected and set(found.values()) == {1}


def test_the_newest_label_counts(place: Path):
    label(place, NAMES)
    label(place, NAMES[:5], "no")
    spans()(1, NOW)
    assert {one["loan_id"][:2] for span in (3, 4) for one in rows(span) if one["repaid"] == "no"} == set(NAMES[:5])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (SETTINGS + '[request_log]\nexcluded = ["amount"]\n', ConfigError, "excluded: the log does not have amount"),
        (
            SETTINGS + '[request_log]\nhashed = ["purpose"]\nhash_key_variable = "KEY"\n',
            ConfigError,
            "hashed: the log does not have purpose as it was sent",
        ),
        (SETTINGS.replace("span-{span}.csv", "all.csv"), UsageError, "pattern: all.csv: has no next file"),
        (SETTINGS.replace("span-{span}.csv", "span-{span}.csv.gz"), UsageError, "a retraining writes .csv or .parquet"),
        (SETTINGS.replace("[features]", 'decimal = ","\n[features]'), UsageError, "sets a CSV format"),
    ],
)
def test_what_cannot_become_a_span_is_refused(place: Path, settings: str, error: type[Exception], message: str):
    label(place, NAMES)
    with pytest.raises(error, match=message) as caught:
        spans(settings)(1, NOW)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in Path("data").iterdir()) == ["span-1.csv", "span-2.csv"]


def test_a_required_column_that_the_log_does_not_have(place: Path):
    label(place, NAMES)
    schema = Path("schemas/loans/schema.pbtxt")
    required = 'name: "clerk" type: BYTES presence { min_fraction: 1.0 }'
    schema.write_text(served_loans.SCHEMA.replace('name: "clerk" type: BYTES', required))
    with pytest.raises(ConfigError, match=r'requires clerk .* set \[gate.features\] clerk = "warn"'):
        spans()(1, NOW)
    assert spans(SETTINGS + '[gate.features]\nclerk = "warn"\n')(1, NOW).rows == 80


def test_a_number_that_another_process_takes_meanwhile(place: Path, monkeypatch):
    label(place, NAMES)
    original = SpanLedger.add

    def add(*arguments):
        Path("data/span-4.csv").write_text("another")  # after the numbers 3 and 4 were chosen
        return original(*arguments)

    monkeypatch.setattr(SpanLedger, "add", add)
    found = spans()(1, NOW)
    assert (found.span, found.eval_span) == (3, 5) and Path("data/span-4.csv").read_text() == "another"
    assert [one.span for one in spans().ledger.entries()[0].spans] == [3, 5]


def test_leading_zeros_are_kept(place: Path):
    for span in (1, 2):
        Path(f"data/span-{span}.csv").rename(f"data/span-0{span}.csv")
    label(place, NAMES)
    spans()(1, NOW)
    assert Path("data/span-03.csv").exists() and Path("data/span-04.csv").exists()


def _write(number: int, found: "multiprocessing.queues.Queue[int]") -> None:
    try:
        found.put(spans()(number, NOW).rows)
    except InputError:
        found.put(0)


def test_two_processes_at_once(place: Path):
    label(place, NAMES)
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    both = [context.Process(target=_write, args=(number, found)) for number in (1, 2)]
    for process in both:
        process.start()
    counts = sorted(found.get(timeout=120) for _ in both)
    for process in both:
        process.join(60)
    assert counts == [0, 80] and LOG.exists()
    assert sorted(path.name for path in Path("data").iterdir()) == [f"span-{span}.csv" for span in (1, 2, 3, 4)]
