from pathlib import Path

import pytest

from components.shared.errors import ConfigError
from pipeline.settings.config import THRESHOLD_METRICS, find_config, load_config
from tests.projects import load_settings

SETTINGS = """
[dataset]
name = "d"
label = "y"
id = ["row"]

[data]
directory = "spans"

[features]
numeric = ["n"]
categorical = ["c"]
cyclical = { hour = 24 }
"""


def refusal(tmp_path: Path, text: str | bytes) -> str:
    """The message, without the file that it begins with."""
    with pytest.raises(ConfigError) as error:
        load_settings(tmp_path, text)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{tmp_path / 'pipeline.toml'}: ")
    return message.removeprefix(f"{tmp_path / 'pipeline.toml'}: ")


def test_what_is_not_written_has_a_default(tmp_path):
    config = load_settings(tmp_path, SETTINGS)
    assert config.dataset.task == "binary"
    assert (config.data.pattern, config.data.window) == ("span-{span}.csv", 3)
    assert (config.gate.anomalies, config.gate.drift) == ("block", "warn")
    assert config.features.names == ("c", "n", "hour")
    assert config.schema_path == tmp_path / "schema.pbtxt"


def test_settings_are_frozen_hashable_and_equal_by_value(tmp_path):
    config, again = load_settings(tmp_path, SETTINGS), load_settings(tmp_path, SETTINGS)
    other = load_settings(tmp_path, SETTINGS.replace('"n"', '"m"'))
    assert {config, again, other} == {config, other}
    assert hash(config.features) == hash(again.features)
    with pytest.raises(ValueError, match="frozen"):
        config.dataset.label = "z"


def test_equal_settings_have_equal_hashes_whatever_their_order(tmp_path):
    one = load_settings(tmp_path, SETTINGS + "[evaluation]\nthresholds = { auc = 1, accuracy = 0.5 }\n")
    other = load_settings(tmp_path, SETTINGS + "[evaluation]\nthresholds = { accuracy = 0.5, auc = 1.0 }\n")
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_a_file_from_windows_is_read(tmp_path, change):
    assert load_settings(tmp_path, change(SETTINGS)) == load_settings(tmp_path, SETTINGS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "[dataset]: missing; it has no default"),
        (SETTINGS.replace('label = "y"', ""), "[dataset] label: missing; it has no default"),
        (
            SETTINGS.replace("label", "lable"),
            "[dataset] lable: unknown key; did you mean label? legal keys: name, label, task, *",
        ),
        (
            "speed = 1\n" + SETTINGS,
            "[speed]: unknown key; legal keys: dataset, data, features, text, image, drift, gate, *",
        ),
        (
            'path = "x"\n' + SETTINGS,
            "[path]: unknown key; legal keys: dataset, data, features, text, image, drift, gate, *",
        ),
        (
            SETTINGS + "[gate]\nskew = 'warn'",
            "[gate] skew: unknown key; legal keys: anomalies, drift, drift_severity, values, classes, features",
        ),
        (SETTINGS + "[gate]\ndrift = 'stop'", "[gate] drift: input should be 'block' or 'warn', not 'stop'"),
        (
            SETTINGS.replace('"y"', '"y"\ntask = "ranking"'),
            "[dataset] task: input should be 'binary', 'multiclass' or 'regression', not 'ranking'",
        ),
        (
            "gate = 3\n" + SETTINGS,
            "[gate]: must be a table, with the keys: anomalies, drift, drift_severity, values, classes, features",
        ),
        (
            SETTINGS + "[[gate]]\ndrift = 'warn'",
            "[gate]: must be a table, with the keys: anomalies, drift, drift_severity, values, classes, features",
        ),
        (SETTINGS.replace('["n"]', '"n"'), "[features] numeric: must be an array, not 'n'"),
        (SETTINGS.replace('["n"]', "[1]"), "[features] numeric.0: input should be a valid string, not 1"),
        (
            SETTINGS + '[training]\nepochs = "3"',
            "[training] epochs: input should be a valid integer, not '3'",
        ),
        (SETTINGS + "[training]\nepochs = true", "[training] epochs: input should be a valid integer, not True"),
        (
            SETTINGS + "[training]\nepochs = 0",
            "[training] epochs: input should be greater than or equal to 1, not 0",
        ),
        (
            SETTINGS + "[training]\nlearning_rate = inf",
            "[training] learning_rate: input should be a finite number, not inf",
        ),
        (
            SETTINGS + "[training]\nseed = -1",
            "[training] seed: input should be greater than or equal to 0, not -1",
        ),
        (SETTINGS.replace("24", "0"), "[features] cyclical.hour: input should be greater than 0, not 0"),
        (
            SETTINGS.replace('"spans"', '"spans"\npattern = "{span}-{span}.csv"'),
            "[data] pattern: must hold {span} once, as span-{span}.csv does, or be the name of one file",
        ),
        (
            SETTINGS.replace('"spans"', '"spans"\nwindow = 0'),
            "[data] window: input should be greater than or equal to 1, not 0",
        ),
        (
            SETTINGS.replace('["n"]', '["n", "y"]'),
            "y is the label or an id, so it cannot be a feature; take it out of [features]",
        ),
        (
            SETTINGS.replace('["c"]', '["row"]'),
            "row is the label or an id, so it cannot be a feature; take it out of [features]",
        ),
        (SETTINGS.replace('["c"]', '["n"]'), "[features]: n: named more than once; keep one"),
        (
            SETTINGS.split("numeric")[0],
            "[features]: no feature is named; fill categorical, numeric, cyclical, text, image, dates, times or lists",
        ),
        (
            SETTINGS + "[evaluation]\nthresholds = { auc = nan }",
            "[evaluation] thresholds.auc: input should be a finite number, not nan",
        ),
        (
            SETTINGS + "[evaluation]\nthresholds = { auc = 70 }",
            "[evaluation] thresholds.auc: must lie between 0 and 1, not 70.0",
        ),
        (
            SETTINGS + "[evaluation]\ntolerance = { auc = -0.1 }",
            "[evaluation] tolerance.auc: input should be greater than or equal to 0, not -0.1",
        ),
        (SETTINGS + '[evaluation]\nslices = ["c"]', "[evaluation] slices.0: must be an array, not 'c'"),
        (SETTINGS.replace('"d"', '"../d"'), "[dataset] name: string should match pattern *"),
        (SETTINGS + "numeric = 1", "is no valid TOML (*"),
        (SETTINGS + "[[[", "is no valid TOML (*"),
        (SETTINGS.encode() + b"# \xff", "is no valid TOML (*"),
        (SETTINGS.replace('"y"', '"y\\n\\u2028z"').replace('"n"', '"y\\n\\u2028z"'), "y z is the label or an id*"),
        (
            SETTINGS.replace('"spans"', '"spans"\nwindow = "' + "q" * 10_000 + '"'),
            "[data] window: input should be a valid integer, not 'qqq*",
        ),
    ],
)
def test_refused(tmp_path, text, message):
    """`message` is all of it, or, with a star at its end, how it begins."""
    found = refusal(tmp_path, text)
    assert found.startswith(message.removesuffix("*"))
    assert message.endswith("*") or found == message
    assert len(found) < 700


@pytest.mark.parametrize(("task", "metric"), [("binary", "rmse"), ("multiclass", "auc"), ("regression", "accuracy")])
@pytest.mark.parametrize("key", ["thresholds", "slice_thresholds", "tolerance", "slice_tolerance"])
def test_a_metric_that_the_task_has_not_is_refused_with_those_it_has(tmp_path, task, metric, key):
    text = (
        SETTINGS.replace('"y"', f'"y"\ntask = "{task}"')
        + f"[evaluation]\nslices = [['x']]\n{key} = {{ {metric} = 0.5 }}"
    )
    found = refusal(tmp_path, text)
    assert found.startswith(f"[evaluation] {key}: {metric} is no metric of a {task} task; legal: ")


@pytest.mark.parametrize("task", THRESHOLD_METRICS)
@pytest.mark.parametrize("key", ["thresholds", "slice_thresholds", "tolerance", "slice_tolerance"])
def test_a_bound_above_the_largest_value_of_the_metric_is_refused(tmp_path, task, key):
    """`slice_tolerance = { recall = 2 }`, meant as two points, would never be exceeded."""
    for metric in THRESHOLD_METRICS[task]:
        text = (
            SETTINGS.replace('"y"', f'"y"\ntask = "{task}"')
            + f"[evaluation]\nslices = [['x']]\n{key} = {{ {metric} = 2 }}"
        )
        if metric in ("log_loss", "rmse", "mae"):
            load_settings(tmp_path, text)
        else:
            found = refusal(tmp_path, text)
            assert found == f"[evaluation] {key}.{metric}: must lie between 0 and 1, not 2.0"


def test_an_empty_slice_is_refused(tmp_path):
    assert refusal(tmp_path, SETTINGS + "[evaluation]\nslices = [[]]").startswith("[evaluation] slices.0: ")


def test_a_missing_schema_is_named(tmp_path):
    load_settings(tmp_path, SETTINGS)
    (tmp_path / "schema.pbtxt").unlink()
    with pytest.raises(ConfigError, match=r"schema\.pbtxt: no such file"):
        load_config(tmp_path / "pipeline.toml")


def test_settings_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"pipeline\.toml: cannot be read"):
        load_config(tmp_path / "pipeline.toml")


@pytest.mark.parametrize("name", ["trains", "", "..", "a/b", "\0", "two\nlines", "q" * 5000])
def test_an_unknown_dataset_is_refused_with_those_there_are(project, name):
    with pytest.raises(
        ConfigError, match=r"schemas/.*no such dataset; available: flights|^schemas/q+ \.\.\.$"
    ) as error:
        find_config(name)
    assert len(str(error.value).splitlines()) == 1
    assert find_config("flights") == Path("schemas/flights/pipeline.toml")


def test_the_flights_settings_are_good(project):
    config = load_config(find_config("flights"))
    assert config.dataset.name == "flights"
    assert config.data.window == 11


def test_a_linear_model_alone_has_nothing_to_search_and_is_no_error_unless_a_search_is_asked_for(tmp_path: Path):
    linear = SETTINGS + '[training]\nmodel = "linear"\n'
    assert load_settings(tmp_path, linear).training.model == "linear"
    for asked in ("[tune]\ntrials = 3\n", "[tune.space]\nepochs = [3, 4]\n"):
        assert refusal(tmp_path, linear + asked).startswith("[tune.space] ")
