"""Corrections before a run: where the file lies, what the schema refuses, rows that are nowhere, the cache."""

import json
from pathlib import Path

import pytest

from components.shared.errors import ConfigError, InputError
from pipeline.preflight.data_check import check_data, source_of
from pipeline.settings.config import find_config, load_config

HEAD = "id,field,value,reason,by,when\n"
BESIDE = Path("schemas/flights/corrections.csv")
WITH_DATA = Path("data/flights/corrections.csv")
SPANS = "data/flights"


@pytest.fixture
def config(project):
    return load_config(find_config("flights"))


def ids(span: int) -> list[str]:
    return [line.split(",")[0] for line in (Path(SPANS) / f"span-{span:02d}.csv").read_text().splitlines()[1:]]


def write(*rows: str, path: Path = BESIDE) -> None:
    path.write_text(HEAD + "".join(f"{row},,ann,2026-11-21\n" for row in rows))


def check(config, span: int | None = None):
    return check_data(source_of(config, SPANS), span, Path("cache/scans.json"))


@pytest.mark.parametrize("path", [BESIDE, WITH_DATA, Path("elsewhere.csv")])
def test_found_where_it_lies(config, path):
    without = check(config)
    write(f"{ids(1)[0]},late,1", path=path)
    if path.name == "elsewhere.csv":
        config = config.model_copy(update={"data": config.data.model_copy(update={"corrections": str(path)})})
    found = check(config)
    assert (found.corrections.name, found.corrections.ids, found.corrections.here) == (str(path), 1, 1)
    assert found.fingerprint != without.fingerprint
    path.unlink()
    assert path.name == "elsewhere.csv" or check(config).fingerprint == without.fingerprint


def test_two_files_are_refused(config):
    write(path=BESIDE)
    write(path=WITH_DATA)
    with pytest.raises(ConfigError, match="two corrections files; keep one, or name it in"):
        source_of(config, SPANS)


def test_a_file_that_is_named_must_be_there(config):
    named = config.model_copy(update={"data": config.data.model_copy(update={"corrections": "nowhere.csv"})})
    with pytest.raises(InputError, match=r"^nowhere\.csv: no such file"):
        source_of(named, SPANS)


def test_no_ids_is_refused_by_name(project):
    path = find_config("flights")
    path.write_text(path.read_text().replace('id = ["row_id"]', "id = []"))
    write()
    with pytest.raises(ConfigError, match=r"^schemas/flights/corrections\.csv: .* \[dataset\] id"):
        source_of(load_config(path), SPANS)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("origin,BOS", "row 3: 'origin' cannot be 'BOS', says the schema; legal: EWR, JFK, LGA"),
        ("sched_dep,1440", "row 3: 'sched_dep' cannot be 1440, says the schema; legal: 0 to 1439"),
        ("flight,0", "row 3: 'flight' cannot be 0, says the schema; legal: 1 to any"),
        ("temp,-41.5", "row 3: 'temp' cannot be -41.5, says the schema; legal: -40 to 130"),
        ("late,2", "row 3: 'late' cannot be 2, says the schema; legal: 0 to 1"),
        ("carrier,", "row 3: 'carrier' must have a value, says the schema; give it one, or drop the row"),
    ],
)
def test_a_value_that_the_schema_forbids(config, cells, message):
    first, second = ids(1)[:2]
    write(f"{first},temp,", f"{second},{cells}")  # temp may be missing
    with pytest.raises(InputError, match=".") as error:
        source_of(config, SPANS)
    assert str(error.value).startswith(f"{BESIDE}: {message}")


def test_an_open_column_takes_any_text(config):
    write(f"{ids(1)[0]},tailnum,N1")
    assert check(config).corrections.here == 1


def test_rows_in_other_spans_are_counted(config):
    write(f"{ids(1)[0]},late,1", f"{ids(4)[0]},late,1")
    found = check(config, span=3).corrections
    assert (found.ids, found.here, found.elsewhere) == (2, 1, 1)
    assert str(found) == f"{BESIDE}: 2 rows corrected or dropped: 1 in this window, 1 in other spans"


def test_a_row_that_is_nowhere_is_refused_every_time(config):
    write(f"{ids(1)[0]},late,1", "UA-0000,late,1", "UA-0001,late,1")
    for _ in range(2):
        with pytest.raises(InputError) as error:
            check(config, span=3)
        assert str(error.value) == (
            f"{BESIDE}: row 3: id 'UA-0000' (and 1 more) is in no file of data/flights; correct it, or take the row out"
        )


def test_a_row_may_be_in_a_span_that_cannot_be_read(config):
    (Path(SPANS) / "span-04.csv").write_text("broken")
    write("UA-0000,late,1")
    found = check(config, span=3).corrections
    assert (found.here, found.elsewhere) == (0, 1)


def test_scans_of_other_corrections_are_not_used(config):
    check(config)
    for number, line in enumerate((f"{ids(4)[0]},,drop", f"{ids(4)[1]},,drop")):
        write(line, *(f"{id_},,drop" for id_ in ids(4)[2 : 2 + number]))
        check(config)
        kept = json.loads(Path("cache/scans.json").read_text()).values()
        assert min(scan["rows"] for scan in kept) == 999 - number


def test_labels_are_counted_as_corrected(config):
    """What is left after the corrections must still have two classes."""
    rows = (Path(SPANS) / "span-04.csv").read_text().splitlines()[1:]
    write(*(f"{row.split(',')[0]},late,0" for row in rows))
    with pytest.raises(InputError, match=r"'late' is '?0'? in all 1,000 rows of split eval"):
        check(config)


def test_a_single_file_is_corrected_in_the_split_that_has_the_row(config):
    one = config.model_copy(update={"data": config.data.model_copy(update={"pattern": "span-01.csv"})})
    write(*(f"{id_},,drop" for id_ in ids(1)[:100]))
    found = check(one).corrections
    assert (found.ids, found.here, found.elsewhere) == (100, 100, 0)
    scans = json.loads(Path("cache/scans.json").read_text())
    assert sum(scan["rows"] for scan in scans.values()) == 900
    write(f"{ids(2)[0]},late,1")
    with pytest.raises(InputError, match="is in no file"):
        check(one)
