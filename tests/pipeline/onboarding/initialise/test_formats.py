"""CSV files as spreadsheets and other countries write them: what init finds, says, writes, and ingest then reads."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.errors import InputError, UsageError
from components.table_reading.column_types import arrow_types
from components.table_reading.readers import read_batches
from components.table_reading.spans import find_spans, open_folder
from pipeline.drift.comparison import drift
from pipeline.onboarding.initialise.dataset import initialise
from pipeline.onboarding.initialise.result import Initialised
from pipeline.onboarding.schema.schema_diff import diff
from pipeline.preflight.data_check import source_of
from pipeline.settings.config import load_config

CASES = Path(__file__).parents[3] / "cases"


pytestmark = pytest.mark.usefixtures("place")


def init(name: str, label: str = "left", **more) -> Initialised:
    """What init makes of a file of tests/cases."""
    return initialise(str(CASES / name), label, **more)


def made(content: str | bytes, label: str = "y", name: str = "x.csv", **more) -> Initialised:
    """What init makes of a file with this content."""
    path = Path("in") / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return initialise(str(path), label, **more)


def ingested(found: Initialised) -> pa.Table:
    """All rows, as ingest reads them by the settings that init wrote."""
    config = load_config(found.config)
    source = source_of(config, config.data.directory)
    filesystem, _ = open_folder(source.directory)
    files = find_spans(source.directory, source.pattern)
    types = arrow_types(dict(source.columns))
    return pa.Table.from_batches(
        batch for file in files for batch in read_batches(filesystem, file, types, source.options)
    )


def told(found: Initialised) -> str:
    return found.to_text()


def test_decimal_commas():
    found = init("decimal_comma.csv")
    data = load_config(found.config).data
    assert (data.delimiter, data.decimal, data.thousands) == (";", ",", ".")
    assert load_config(found.config).features.numeric == ("age", "spend")
    assert "'1.001,30' is read as 1001.3 (decimal commas, points between thousands)" in told(found)
    assert ingested(found)["spend"].to_pylist()[:3] == [1001.3, 834.67, 1195.9]


def test_a_title_and_a_total():
    found = init("excel_title.csv")
    data = load_config(found.config).data
    assert (data.header_row, data.skip_footer) == (3, 1)
    assert "line 3 is the header (age,spend,plan,left); the lines above it are skipped; [data] header_row" in told(
        found
    )
    assert "the last line is a footer (Total,480000,,) and skipped; [data] skip_footer" in told(found)
    rows = ingested(found)
    assert (rows.num_rows, rows["spend"][0].as_py()) == (600, 1001.3)


def test_utf16():
    found = init("utf16.csv")
    assert load_config(found.config).data.encoding == "utf-16"
    assert "the encoding is utf-16; [data] encoding" in told(found)
    assert found.to_json()["encoding"] == "utf-16"
    assert set(ingested(found)["city"].to_pylist()) == {"Genève", "Zürich"}


@pytest.mark.parametrize(
    ("encoding", "said"), [("latin-1", "cp1252"), ("cp1252", "cp1252"), ("utf-16-be", "utf-16-be")]
)
def test_other_encodings(encoding, said):
    rows = "".join(f"{row},{'Genève' if row % 3 else 'Málaga'},{row % 2}\n" for row in range(60))
    found = made(f"n,city,y\n{rows}".encode(encoding))
    assert f"the encoding is {said}" in told(found)
    assert set(ingested(found)["city"].to_pylist()) == {"Genève", "Málaga"}


def test_a_wrong_encoding_of_a_users_own_is_not_silent():
    rows = "".join(f"{row},Genève,{row % 2}\n" for row in range(60))
    with pytest.raises(InputError, match="looks like utf-8, but \\[data\\] encoding is cp1252"):
        made(f"n,city,y\n{rows}", csv=["encoding=cp1252"])
    with pytest.raises(UsageError, match="--csv encoding=nonsense: unknown encoding"):
        made(f"n,city,y\n{rows}", csv=["encoding=nonsense"])


def spans(name: str, last: bytes) -> Path:
    """Three usual spans and another as the fourth, with settings made of the three."""
    folder = Path(name)
    folder.mkdir()
    for number in (1, 2, 3):
        shutil.copy(CASES / "ev_delim" / f"span-0{number}.csv", folder)
    initialise(str(folder), "left", name=name)
    (folder / "span-04.csv").write_bytes(last)
    return folder


SPAN = (CASES / "ev_delim" / "span-04.csv").read_text()
COMMAS = SPAN.replace(";", ",")
NOTATION = "which [data] decimal, thousands and numbers do not say; set [data.numbers] or save it as the others"


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (
            SPAN.encode(),
            "span-04.csv looks semicolon-separated (age;spend;plan;left), but [data] delimiter is ','; set [data] "
            "delimiter or save it as the others",
        ),
        (
            COMMAS.encode("utf-16"),
            "span-04.csv looks like utf-16, but [data] encoding is utf-8; set [data] encoding or save it as the others",
        ),
        (
            COMMAS.replace("plus", "plüs").encode("latin-1"),
            "span-04.csv: column 'plan', row 6 (the header is row 1): byte 0xfc is not utf-8; the file looks like "
            "cp1252 ('plüs'): set [data] encoding = \"cp1252\", or save it as utf-8",
        ),
        (
            "\n".join(
                ",".join(f'"{cell.replace(".", ",")}"' for cell in line.split(";")) for line in SPAN.split()
            ).encode(),
            f"span-04.csv: column 'spend', row 2 (the header is row 1) looks written with decimal commas ('294,56'), "
            f"{NOTATION}",
        ),
        (
            ("Report of June\n\n" + COMMAS).encode(),
            "span-04.csv: line 3 looks like the header (age,spend,plan,left), but [data] header_row is 1; set it or "
            "save the file as the others",
        ),
    ],
)  # fmt: skip
def test_a_span_that_is_written_otherwise_says_how(last, said):
    folder = spans("sales", last)
    config = load_config(Path("schemas/sales/pipeline.toml"))
    source = source_of(config, config.data.directory)
    filesystem, _ = open_folder(source.directory)
    newest = find_spans(str(folder), source.pattern)[-1]
    for policy in ("block", "warn"):
        options = config.data.read_options(policy)
        with pytest.raises(InputError) as ingest:
            for _ in read_batches(filesystem, newest, arrow_types(dict(source.columns)), options):
                pass
        assert str(ingest.value) == f"{folder}/{said}" or (policy == "warn" and "decimal commas" in str(ingest.value))
    with pytest.raises(InputError, match=r"span-04\.csv"):
        diff(config)
    with pytest.raises(InputError, match=r"span-04\.csv"):
        drift(str(folder / "span-01.csv"), str(folder / "span-04.csv"), config=config)


def test_init_names_the_span_that_is_written_otherwise():
    with pytest.raises(InputError, match=r"span-04\.csv looks semicolon-separated \(age;spend;plan;left\)"):
        init("ev_delim")


def test_drift_finds_the_notation_of_each_side():
    Path("a.csv").write_text("n,w\n" + "".join(f"{row}.5,x\n" for row in range(200)))
    Path("b.csv").write_bytes(("n;w\n" + "".join(f"{row},5;x\n" for row in range(200))).encode("utf-16"))
    found = drift("a.csv", "b.csv")
    assert not [row.feature for row in found.result.rows if row.drifted]
    said = "b.csv: the encoding is utf-16; [data] encoding, or --csv encoding=NAME"
    assert found.to_json()["assumed"] == [said]
    assert said in found.to_text()


def test_trailing_empty_columns_are_left_out_with_a_note():
    found = made("a,b,y,,\n" + "".join(f"{row},{row % 7},{row % 2},,\n" for row in range(60)))
    assert "the last 2 columns have neither name nor value and are skipped" in told(found)
    assert ingested(found).column_names == ["a", "b", "y"]
    with pytest.raises(InputError, match="column 4 has no name, but row 5 \\(the header is row 1\\) holds 'x'"):
        made("a,b,y,\n" + "1,2,0,\n" * 3 + "1,2,1,x\n", name="z.csv")


def test_comments_and_the_index_of_pandas():
    rows = "".join(f"{row},{row * 13 % 7},{row % 2}\n" for row in range(60))
    found = made(f"# exported by a tool\n# on Monday\n,b,y\n{rows}")
    assert "lines that begin with # are comments and skipped; [data] comment" in told(found)
    assert ingested(found).column_names == ["unnamed", "b", "y"]


def test_units_are_settings_that_load_again():
    rows = "".join(
        f'"${row * 37 % 9000 + 1000:,}.50",{row % 90 + 1}.5%,{row % 5 + 1} kg,{row % 2}\n' for row in range(80)
    )
    found = made(f"price,rate,weight,y\n{rows}")
    data = load_config(found.config).data
    assert data.numbers["price"].units == {"$": 1}
    assert data.numbers["price"].thousands == ","
    assert "'$' is a unit" in told(found)
    assert ingested(found)["price"].to_pylist()[:2] == [1000.5, 1037.5]
    assert ingested(found).schema.field("weight").type == pa.int64()
    json = found.to_json()
    assert json["numbers"]["rate"] == {"decimal": ".", "thousands": "", "units": {"%": 1}}


def test_a_mixed_column_says_how_many_and_shows_three():
    words = ["unknown", "see note", "pending", "closed"]
    rows = "".join(
        f"{words[row % 4] if row % 10 == 0 else row * 7 % 50},{row * 3 % 11},{row % 2}\n" for row in range(80)
    )
    note = next(column.note for column in made(f"a,b,y\n{rows}").proposal.columns if column.name == "a")
    assert note.startswith("numbers in 72 rows and other text in 8: 'unknown', 'pending'")


def test_settings_on_the_command_line_win():
    rows = "".join(f"{row};{row},5;{row % 2}\n" for row in range(60))
    found = made(f"a title\nanother;one;here\na;b;y\n{rows}", csv=["header_row=3", "decimal=,"])
    data = load_config(found.config).data
    assert (data.header_row, data.decimal) == (3, ",")
    for wrong in ("header=3", "header_row=0", "decimal=;", "delimiter=;;", "thousands=x"):
        with pytest.raises(UsageError, match="--csv"):
            made("a,y\n1,0\n", name="z.csv", csv=[wrong])


def label(row: int) -> int:
    """Neither order nor any other column tells it."""
    return row * row * 7 % 11 % 2


def lines(row, count: int = 60) -> str:
    return "".join(f"{row(number)}\n" for number in range(count))


PUBLIC = {
    "pola-rs/polars#18797": (
        "preis;n;y\n" + lines(lambda i: f"{i * 137 % 3000 + 1000:,}".replace(",", ".") + f",{i:02};{i % 9};{label(i)}"),
        {"preis": 1000.0},
        "'1.000,00' is read as 1000 (decimal commas, points between thousands)",
    ),
    "tidyverse/readr#88": (
        "Report_B,3/13/2015,,\nPerson,Race,Score,y\n"
        + lines(lambda i: f"{6543 + i * 31},{'Other' if i % 2 else 'White'},{i * 17 % 50},{label(i)}")
        + '"Grand Total: 6,634",,,\nPage -1 of 1,,,\n',
        {"Person": 6543},
        "the last 2 lines are a footer",
    ),
    "duckdb/duckdb#15576": (
        "Estrazione del 2025-01-06\nid;Gestore;Prezzo;y\n"
        + lines(lambda i: f"{i + 1000};{'Eni' if i % 2 else 'Q8, Italia'};{1.5 + i * 0.01:.2f};{label(i)}"),
        {"Gestore": "Q8, Italia", "Prezzo": 1.5},
        "line 2 is the header (id;Gestore;Prezzo;y); the lines above it are skipped",
    ),
    "pola-rs/polars#9280": (
        (
            "Código;Dirección;Población;y\n"
            + lines(lambda i: f"{1234 + i};PºDUQUE JOSÉ,{i % 5},1ºA;{'IRÚN' if i % 2 else 'MÁLAGA'};{label(i)}")
        ).encode("cp1252"),
        {"Dirección": "PºDUQUE JOSÉ,0,1ºA", "Población": "MÁLAGA"},
        "the encoding is cp1252, a guess: it reads 'PºDUQUE', 'JOSÉ'",
    ),
    "pola-rs/polars#4363": (
        (
            "Value1,Region,y\n" + lines(lambda i: f"{i * 7 % 30},{['台北', '台中', '新竹', '高雄'][i % 4]},{label(i)}")
        ).encode("big5"),
        {"Region": "台北"},
        "the encoding is big5",
    ),
    "pola-rs/polars#16881": (
        ("a,b,y\n" + lines(lambda i: f"{i * 17 % 50},{i % 7},{label(i)}")).encode("utf-16"),
        {"a": 0},
        "the encoding is utf-16",
    ),
    "JuliaData/CSV.jl#1147": (
        "usd,eur,share,chf,y\n"
        + lines(lambda i: f"${100 + i * 17 % 50},{90 + i % 9}€,{i * 7 % 50} %,{70 + i % 8}.50 CHF,{label(i)}"),
        {"usd": 100, "eur": 90, "share": 0, "chf": 70.5},
        "chf: 'CHF' is a unit",
    ),
    "wireservice/csvkit#892": (
        "a,b,y\n" + lines(lambda i: f"{i * 17 % 50 + 1}%,{i % 7},{label(i)}"),
        {"a": 1},
        "a: '%' is a unit",
    ),
    "deephaven/deephaven-core#1800": (
        "A|B|y|\n" + lines(lambda i: f"{i * 17 % 50}|{i * 31 % 17}|{label(i)}|"),
        {"A": 0},
        "the last column has neither name nor value and is skipped",
    ),
    "tidyverse/readr#799": (
        "v,w,y\n"
        + lines(lambda i: f"{i % 999},{i % 7},{label(i)}", 1500)
        + lines(lambda i: f'"1,{i + 100}",{i % 7},{label(i)}', 100),
        {"v": 0},
        "'1,100' is read as 1100",
    ),
    "pandas-dev/pandas#22584": (
        "area,indicator,y\n" + lines(lambda i: f'area_{i % 5},"{i * 977 + 1000:,}",{label(i)}'),
        {"indicator": 1000},
        "'1,000' is read as 1000 (decimal points, commas between thousands",
    ),
}
"""Reports of other tools' users: a table as they describe it, its first row, and what init says. docs/own-data.md."""


@pytest.mark.parametrize("report", PUBLIC)
def test_tables_of_public_reports_are_read(report):
    content, first, said = PUBLIC[report]
    found = made(content)
    assert said in told(found)
    rows = ingested(found)
    assert {name: rows[name][0].as_py() for name in first} == first


REFUSED = {
    "pola-rs/polars#20667": (
        ("город,n,y\n" + lines(lambda i: f"{'Москва' if i % 2 else 'Казань'},{i % 7},{label(i)}")).encode("cp1251")
        + b"\x98\xe0,3,1\n",
        "line 62, column 'город': byte 0x98 is not cp1251; correct it, or set [data] encoding",
    ),
    "duckdb/duckdb#25827": (
        "c0,y\n" + lines(lambda i: f"{i},{label(i)}") + "1,2,3\n4,5,6\n",
        "row 62 has 3 cells where the header has 2 (the header is row 1)",
    ),
    "apache/arrow#26743": (
        "A|B|y\n" + lines(lambda i: f"{i}|{i % 7}|{label(i)}|"),
        "row 2 has 4 cells where the header has 3 (the header is row 1); do the rows end in a delimiter?",
    ),
    "pandas-dev/pandas#32495": (
        "year,n,y\n" + lines(lambda i: f"{1950 + i},{i % 7},{label(i)}") + '"a\n',
        "row 62 has 1 cells where the header has 3 (the header is row 1); a quote is not closed?",
    ),
    "duckdb/duckdb#16760": (
        ',,\nx,y,"test\n123"\n' + lines(lambda i: f"{i},{label(i)},{i % 7}"),
        "column 2 has no name, but row 2 (the header is row 1) holds 'y'; name the column or empty its "
        "cells; if the header is on another line, set [data] header_row",
    ),
}
"""Reports of which no sure guess is possible: what the one line says."""


@pytest.mark.parametrize("report", REFUSED)
def test_tables_of_public_reports_are_refused_in_one_line(report):
    content, said = REFUSED[report]
    with pytest.raises(InputError) as error:
        made(content)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_what_was_refused_is_read_with_the_setting_that_the_line_names():
    content, _ = REFUSED["duckdb/duckdb#16760"]
    assert ingested(made(content, csv=["header_row=2"])).column_names == ["x", "y", "test\n123"]
    content, _ = REFUSED["pandas-dev/pandas#32495"]
    assert ingested(made(content, name="z.csv", csv=["skip_footer=1"])).num_rows == 60
