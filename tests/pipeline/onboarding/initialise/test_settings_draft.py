from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from components.table_reading.read_options import ReadOptions
from components.table_reading.schema_inference import InferredSchema
from components.table_reading.spans import SpanFile
from pipeline.onboarding.initialise.find_data import DataLocation
from pipeline.onboarding.initialise.proposal import propose
from pipeline.onboarding.initialise.settings_draft import settings_text
from tests.projects import load_settings

ROWS = 200
NOISE = np.random.default_rng(7).normal(size=ROWS)
LABEL = ["yes" if luck < 0.3 else "no" for luck in np.random.default_rng(2).random(ROWS)]
ALIAS = {pa.int64(): "int64", pa.float64(): "float64", pa.string(): "string"}


def drafted(rows=ROWS, file="t.csv", window=0, mismatches=None, **columns):
    """The text for a noise column, a yes/no label unless given, and `columns`, as if the table had `rows` rows."""
    table = pa.table({"noise": NOISE, "y": LABEL, **columns})
    types = {field.name: ALIAS[field.type] for field in table.schema}
    options = ReadOptions(("", "NA"), ";")
    found = InferredSchema(
        types, options, rows, dict.fromkeys(types, 0), mismatches or {}, table, np.zeros(ROWS, dtype=int)
    )
    place = DataLocation("in", file, (SpanFile(1, file, file, 1, 1),), window)
    return settings_text("t", place, propose(table, types, "y"), options, mismatches or {}, found, rows // 5)


@pytest.fixture
def load(tmp_path):
    """Settings read back from their text."""
    return partial(load_settings, tmp_path)


def test_what_is_written_is_read_back(load):
    config = load(drafted(hour=[row * 17 % 24 for row in range(ROWS)], copy=NOISE, color=["red", "blue"] * (ROWS // 2)))
    assert (config.dataset.name, config.dataset.task, config.dataset.positive) == ("t", "binary", "yes")
    assert (config.data.directory, config.data.pattern, config.data.eval_share) == ("in", "t.csv", 0.2)
    assert (config.data.missing, config.data.delimiter) == (("", "NA"), ";")
    assert (config.features.categorical, config.features.numeric) == (("color",), ("noise",))
    assert config.features.cyclical == {"hour": 24}
    assert config.evaluation.slices == (("color",),)


def test_what_is_left_out_is_named():
    assert "#   copy: a copy of noise\n" in drafted(copy=NOISE)


@pytest.mark.parametrize("name", ['odd "name"\n#', "back\\slash", "del\x7f", "grün", "a.b"])
def test_names_of_every_sort(load, name):
    assert name in load(drafted(**{name: NOISE[::-1] * 2})).features.numeric


def test_many_columns_are_wrapped(load):
    noise = np.random.default_rng(1).normal(size=(40, ROWS))
    text = drafted(**{f"column_{number}": values for number, values in enumerate(noise)})
    assert max(len(line) for line in text.splitlines()) <= 120
    assert load(text).features.numeric == ("noise", *(f"column_{number}" for number in range(40)))


def test_each_task_has_bars_of_its_own(load):
    assert load(drafted()).evaluation.thresholds == {"auc": 0.55}
    classes = load(drafted(y=["abca"[row * 7919 % 4] for row in range(ROWS)]))
    assert (classes.dataset.task, classes.evaluation.thresholds) == ("multiclass", {"accuracy": 0.52})
    numbers = load(drafted(y=[row * 7919 % 200 for row in range(ROWS)]))
    assert numbers.dataset.task == "regression"
    assert numbers.evaluation.thresholds == {"rmse": 54.8}  # of the deviation of 0 .. 199, 57.73, 95 %


@pytest.mark.parametrize(("rows", "batch_size"), [(200, 16), (1_000, 64), (5_000, 256), (50_000, 512)])
def test_small_tables_take_small_steps(load, rows, batch_size):
    assert load(drafted(rows)).training.batch_size == batch_size


def test_spans_and_binary_files_ask_for_other_settings():
    text = drafted(file="t-{span}.parquet", window=3)
    assert "window = 3 " in text
    assert "eval_share" not in text
    assert "delimiter" not in text


def test_misfits_are_counted():
    assert "# 1,200 type mismatches in no\\nise" in drafted(mismatches={"no\nise": 1200})
