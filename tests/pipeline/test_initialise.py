import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.columns import column_types, parse_schema
from components.errors import InputError, UsageError
from pipeline.cli import main
from pipeline.config import load_config
from pipeline.initialise import find_data, initialise, legal_name

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


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


def test_the_schema_says_what_is_certain_and_no_more(place):
    initialise(write(place / "shop.csv", table()), "y")
    schema = parse_schema(Path("schemas/shop/schema.pbtxt").read_text(), "schema.pbtxt")
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
    features = {feature.name: feature for feature in schema.feature}
    assert {name for name, feature in features.items() if feature.presence.min_fraction == 1} == {"customer_id", "y"}
    assert {domain.name: list(domain.value) for domain in schema.string_domain} == {
        "color": sorted(COLORS),
        "y": ["no", "yes"],
        "zip": ["010", "011", "012", "013", "014", "10", "11", "12", "13", "14"],
    }
    assert features["color"].distribution_constraints.min_domain_mass == 0.95
    assert features["joined"].time_domain.integer_format == schema_pb2.TimeDomain.UNIX_DAYS
    assert features["size"].drift_comparator.jensen_shannon_divergence.threshold >= 0.2
    assert features["color"].drift_comparator.infinity_norm.threshold >= 0.1
    assert not features["customer_id"].HasField("drift_comparator")


def test_values_that_are_rare_make_no_domain(place):
    text = table().replace("red", "dark red", 1)
    initialise(write(place / "shop.csv", text), "y")
    schema = parse_schema(Path("schemas/shop/schema.pbtxt").read_text(), "schema.pbtxt")
    assert "color" not in {domain.name for domain in schema.string_domain}


def test_multiclass_and_regression_have_bars_of_their_own(place):
    initialise(write(place / "m.csv", table(label=lambda row: "abca"[row * 7919 % 4])), "y")
    assert load_config(Path("schemas/m/pipeline.toml")).evaluation.thresholds == {"accuracy": 0.52}
    initialise(write(place / "r.csv", table(label=lambda row: row * 7919 % 200)), "y")
    config = load_config(Path("schemas/r/pipeline.toml"))
    assert config.dataset.task == "regression"
    assert config.evaluation.thresholds == {"rmse": 54.8}  # of the deviation of 0 .. 199, 57.73, 95 %


def test_spans(place):
    for span in (1, 2, 3, 4):
        write(place / "in" / f"sales-v2-{span:02}.csv", table(50, 50 * span))
    write(place / "in" / ".hidden.csv", "x")
    write(place / "in" / "readme.md", "x")
    found = initialise("in", "y", name="sales")
    config = load_config(found.config)
    assert (found.files, found.rows) == (4, 200)
    assert (config.data.directory, config.data.pattern, config.data.window) == ("in", "sales-v2-{span}.csv", 3)


def test_a_folder_of_one_file_is_that_file(place):
    write(place / "in" / "only-1.csv", table())
    assert find_data("in").pattern == "only-1.csv"


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["a1.csv", "a2.csv"], "a{span}.csv"),
        (["2023-q1.csv.bz2", "2023-q2.csv.bz2"], "2023-q{span}.csv.bz2"),
        (["1.parquet", "2.parquet"], "{span}.parquet"),
    ],
)
def test_patterns(place, names, pattern):
    for name in names:
        write(place / "in" / name, "x")
    assert find_data("in").pattern == pattern


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a-1.csv", "a-2.csv", "b-1.csv"], InputError, r"a-\{span\}.csv, b-.csv|a-\{span\}.csv, b-"),
        (["train.csv", "test.csv"], InputError, "test.csv, train.csv"),
        (["2023-11.csv", "2023-12.csv", "2024-01.csv"], InputError, r"\{span\}-\{span\}.csv"),
        (["d-20230131.csv", "d-20230201.csv"], InputError, "rename the files to a running number"),
        (["a-1.csv", "a-01.csv"], InputError, "span 1 is there twice"),
        (["notes.xlsx"], UsageError, "holds no file that can be read"),
    ],
)
def test_folders_that_are_no_series(place, names, error, message):
    for name in names:
        write(place / "in" / name, "x\n1\n")
    with pytest.raises(error, match=message):
        find_data("in")


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
    assert load_config(found.config).data.misfits == "warn"
    assert "# 1 in x do not fit its other values" in found.config.read_text()


@pytest.mark.parametrize(
    ("file", "text", "label", "error", "message"),
    [
        ("missing.csv", None, "y", UsageError, "--data missing.csv: no such file or folder"),
        ("t.csv", "", "y", InputError, "t.csv: is empty"),
        ("t.csv", "x,y\n", "y", InputError, "holds no rows"),
        ("t.xlsx", "x", "y", UsageError, "is of a kind that is not read"),
        ("t.csv", table(), "Y", UsageError, "--label Y: no such column"),
        ("t.csv", table(), "colour", UsageError, "did you mean color"),
        ("t.csv", table(label=lambda row: 1), "y", InputError, "is '1' in every row"),
        ("t.csv", table(label=lambda row: ""), "y", InputError, "has no value in any row"),
        ("t.parquet", "x,y\n1,2\n", "y", InputError, "t.parquet: cannot be read"),
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
    with pytest.raises(UsageError, match="schemas/shop: is there already; choose another --name, or --force"):
        initialise(data, "y")
    assert path.read_text() == "mine"
    initialise(data, "y", force=True)
    assert load_config(path).dataset.name == "shop"
    assert sorted(file.name for file in path.parent.iterdir()) == ["notes.txt", "pipeline.toml", "schema.pbtxt"]
    assert [file.name for file in (place / "schemas").iterdir()] == ["shop"]


@pytest.mark.parametrize("name", ["Shop", "1shop", "a/b", "", "a b"])
def test_illegal_names(place, name):
    with pytest.raises(UsageError, match="--name"):
        initialise(write(place / "shop.csv", table()), "y", name=name)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("in/Big Table.v2.csv.gz", "big_table_v2"),
        ("s3://bucket/spans/", "spans"),
        ("2024.csv", "data_2024"),
        ("Übersicht.csv", "bersicht"),
        ("§.csv", "data"),
    ],
)
def test_names_are_made_legal(data, name):
    assert legal_name(data) == name


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
    assert main(["init", "--data", "shop.csv", "--label", "y"]) == 2
    assert capsys.readouterr().err.startswith("plumbline: schemas/shop: is there already")


def test_it_starts_without_tensorflow():
    code = "import sys, pipeline.initialise; sys.exit('tensorflow' in sys.modules or 'tfx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
