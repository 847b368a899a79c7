import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.errors import InputError, UsageError
from components.table_reading.column_types import column_types, parse_schema
from pipeline.cli import main
from pipeline.onboarding.initialise.dataset import initialise
from pipeline.preflight.data_check import check_schema
from pipeline.settings.config import load_config

ROWS = 200
LUCK = np.random.default_rng(2).random(400)
COLORS = ["red", "green", "blue, light"]


def table(rows=ROWS, start=0, label=lambda row: "yes" if LUCK[row] < 0.3 else "no"):
    """A small table with one column of every sort."""
    lines = ["customer_id,color,size,hour,joined,paid,zip,y"]
    for row in range(start, start + rows):
        color, size = COLORS[row * 31 % 3], "NA" if row % 50 == 0 else f"{row * 37 % 101 / 4}"
        day, paid = f"2024-01-{row % 28 + 1:02}", "true" if row * 13 % 7 < 3 else "false"
        lines.append(
            f'C{row:04},"{color}",{size},{row * 17 % 24},{day},{paid},{"0" if row % 2 else ""}1{row % 5},{label(row)}'
        )
    return "\n".join(lines) + "\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_a_file_becomes_a_dataset(place):
    found = initialise(write(place / "My Shop.csv", table()), "y")
    assert (found.name, found.rows, found.sampled, found.files) == ("my_shop", ROWS, ROWS, 1)
    config = load_config(Path("schemas/my_shop/pipeline.toml"))
    assert (config.dataset.task, config.dataset.label, config.dataset.positive) == ("binary", "y", "yes")
    assert config.dataset.id == ("customer_id",)
    assert (config.data.directory, config.data.pattern) == (str(place), "My Shop.csv")
    assert (config.data.eval_share, config.data.missing, config.data.delimiter) == (0.2, ("", "NA"), ",")
    assert config.features.categorical == ("color", "paid", "zip")
    assert config.features.numeric == ("size",)
    assert config.features.cyclical == {"hour": 24}
    assert config.evaluation.thresholds == {"auc": 0.55}
    assert config.training.batch_size <= 64
    schema = parse_schema(Path("schemas/my_shop/schema.pbtxt").read_text(), "schema.pbtxt")
    assert column_types(schema) == {
        "customer_id": "string",
        "color": "string",
        "size": "float64",
        "hour": "int64",
        "joined": "date",
        "paid": "bool",
        "zip": "string",
        "y": "string",
    }
    domains = {domain.name: list(domain.value) for domain in schema.string_domain}
    assert domains["zip"] == ["010", "011", "012", "013", "014", "10", "11", "12", "13", "14"]


def test_spans(place):
    for span in (1, 2, 3, 4):
        write(place / "in" / f"sales-v2-{span:02}.csv", table(50, 50 * span))
    write(place / "in" / ".hidden.csv", "x")
    write(place / "in" / "readme.md", "x")
    found = initialise("in", "y", name="sales")
    config = load_config(found.config)
    assert (found.files, found.rows) == (4, 200)
    assert (config.data.directory, config.data.pattern, config.data.window) == ("in", "sales-v2-{span}.csv", 3)


def test_parquet_with_everything(place):
    rows = 300
    columns = pa.table(
        {
            "key": [f"k{row}" for row in range(rows)],
            "tags": [["a", "b"][: row % 3] for row in range(rows)],
            "when": pa.array([row * 7919 % 1000 for row in range(rows)], pa.timestamp("ms")),
            "flag": [row * 13 % 7 < 3 for row in range(rows)],
            "level": pa.array([row * 17 % 40 for row in range(rows)], pa.uint16()),
            'odd "name"\n#': [row * 31 % 101 / 7 for row in range(rows)],
            "late": [row * 7919 % 11 < 3 for row in range(rows)],
        }
    )
    pq.write_table(columns, place / "t.parquet")
    found = initialise("t.parquet", "late")
    config = load_config(found.config)
    assert (config.data.directory, config.data.pattern, config.dataset.positive) == (".", "t.parquet", 1)
    assert config.features.numeric == ("level", 'odd "name"\n#')
    schema = parse_schema(found.schema.read_text(), "schema.pbtxt")
    assert column_types(schema)["tags"] == "list:string"
    assert column_types(schema)["when"] == "timestamp"
    assert column_types(schema)["late"] == "bool"


def test_misfits_are_let_through_and_named(place):
    text = "x,z,y\n" + "".join(f"{row},{row * 31 % 17},{'ab'[row * 7919 % 2]}\n" for row in range(3000))
    found = initialise(write(place / "t.csv", text + "unknown,1,a\n"), "y")
    assert load_config(found.config).data.on_type_mismatch == "warn"
    assert "# 1 type mismatches in x" in found.config.read_text()


@pytest.mark.parametrize(
    ("file", "text", "label", "error", "message"),
    [
        ("missing.csv", None, "y", UsageError, "--data missing.csv: no such file or folder"),
        ("t.csv", "", "y", InputError, "t.csv: is empty"),
        ("t.csv", "x,y\n", "y", InputError, "holds no rows"),
        ("t.doc", "x", "y", UsageError, "unsupported file type"),
        ("t.csv", table(), "Y", UsageError, "--label Y: no such column"),
        ("t.csv", table(), "colour", UsageError, "did you mean color"),
        ("t.csv", table(label=lambda row: 1), "y", InputError, "is '1' in every row"),
        ("t.csv", table(label=lambda row: ""), "y", InputError, "has no value in any row"),
        ("t.parquet", "x,y\n1,2\n", "y", InputError, "t.parquet: is not a Parquet file: it does not begin with PAR1"),
        ("t.csv.gz", "x,y\n1,2\n", "y", InputError, "t.csv.gz: cannot be read"),
    ],
)
def test_data_that_cannot_be_used(place, file, text, label, error, message):
    if text is not None:
        write(place / file, text)
    with pytest.raises(error, match=message) as caught:
        initialise(file, label)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert not list(place.glob("schemas/*"))


def test_what_is_there_stays_unless_forced(place):
    data = write(place / "shop.csv", table())
    initialise(data, "y")
    path = place / "schemas/shop/pipeline.toml"
    path.write_text("mine")
    (place / "schemas/shop/notes.txt").write_text("kept")
    with pytest.raises(
        UsageError, match="schemas/shop: already exists; choose another --name, or replace it with --force"
    ):
        initialise(data, "y")
    assert path.read_text() == "mine"
    initialise(data, "y", force=True)
    assert load_config(path).dataset.name == "shop"
    assert sorted(file.name for file in path.parent.iterdir()) == [
        ".init",
        "notes.txt",
        "pipeline.toml",
        "schema.pbtxt",
    ]
    assert [file.name for file in (place / "schemas").iterdir()] == ["shop"]


@pytest.mark.parametrize("name", ["Shop", "1shop", "a/b", "", "a b"])
def test_illegal_names(place, name):
    with pytest.raises(UsageError, match="--name"):
        initialise(write(place / "shop.csv", table()), "y", name=name)


def test_the_command_prints_a_table_or_one_object(place, capsys):
    write(place / "shop.csv", table())
    assert main(["init", "--data", "shop.csv", "--label", "y"]) == 0
    printed = capsys.readouterr().out
    assert "customer_id  string   id" in printed
    assert printed.rstrip().endswith("plumbline run --dataset shop")
    assert main(["init", "--data", "shop.csv", "--label", "y", "--name", "other", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["label"] == {"column": "y", "task": "binary", "positive": "yes"}
    assert found["next"] == "plumbline run --dataset other"
    assert main(["init", "--data", "shop.csv", "--label", "color", "--name", "shop"]) == 2
    assert capsys.readouterr().err.startswith("plumbline: schemas/shop: already exists, drafted from other data")


def test_it_starts_without_tensorflow():
    module = "pipeline.onboarding.initialise.dataset"
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules or 'tfx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


ANN = ["yes" if luck < 0.32 else "no" for luck in LUCK]
BEN = ["1" if luck < 0.28 else "" if luck > 0.9 else "0" for luck in LUCK]


def annotated(rows=ROWS):
    """`table` with two annotators, of text and of integers with gaps; they would leak the label as features."""
    head, *lines = table(rows).splitlines()
    more = zip(lines, ANN, BEN, strict=False)
    return "\n".join([f"{head},ann,ben,eve", *(f"{line},{ann},{ben},{ann}" for line, ann, ben in more)]) + "\n"


def test_annotators_are_kept_out_of_the_features_and_written_as_settings(place):
    found = initialise(write(place / "shop.csv", annotated()), "y", annotators=["ann", "ben"])
    config = load_config(Path("schemas/shop/pipeline.toml"))
    assert config.audit.annotators == ("ann", "ben")
    assert not {"ann", "ben"} & {*config.features.names, *config.dataset.id}
    assert check_schema(config)["ben"] == "int64"
    reasons = {one["column"]: one["why"] for one in found.to_json()["left_out"]}
    assert reasons["ann"] == reasons["ben"] == "an annotator's labels, compared by [audit] annotators"
    assert "eve" not in reasons  # a copy of an annotator is judged as any other column: it leaks the label
    assert [leak["column"] for leak in found.to_json()["leaks"]] == ["eve"]


def test_a_second_init_can_name_annotators(place):
    data = write(place / "shop.csv", annotated())
    initialise(data, "y")
    initialise(data, "y", annotators=["ann", "ben", "eve"])
    assert load_config(Path("schemas/shop/pipeline.toml")).audit.annotators == ("ann", "ben", "eve")


@pytest.mark.parametrize(
    ("annotators", "message"),
    [
        (["ann", "bem"], "--annotators bem: no such column; .*ben"),
        (["ann", "y"], "--annotators y: this is the label"),
        (["ann", "size"], "--annotators size: the column is float64"),
        (["ann"], "--annotators ann: give at least two columns, each once"),
        (["ann", "ann"], "--annotators ann,ann: give at least two columns, each once"),
    ],
)
def test_illegal_annotators_write_nothing(place, annotators, message):
    with pytest.raises(UsageError, match=message):
        initialise(write(place / "shop.csv", annotated()), "y", annotators=annotators)
    assert not Path("schemas").exists()


def test_a_numeric_label_has_no_annotators(place):
    with pytest.raises(UsageError, match="--annotators: agreement compares classes"):
        initialise(write(place / "shop.csv", annotated()), "size", annotators=["ann", "ben"])
