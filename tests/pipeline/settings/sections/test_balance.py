"""[balance], [augmentation] and [[data.extra]]: what is refused, and that they are data and not code."""

import json
from pathlib import Path

import pytest

from components.shared.errors import ConfigError, InputError
from pipeline.fingerprints import code_fingerprint
from pipeline.preflight.data_check import check_data, source_of
from pipeline.settings.config import Config, find_config, load_config
from pipeline.settings.sections.balance import AugmentationSection, BalanceSection, steps_json

JFK = '[[data.extra]]\nwhere = {origin = "JFK"}\nspans = 1\n'


def config(added: str, old: str = "", new: str = "") -> Config:
    """The flights' settings with two spans in a window, and what is added."""
    path = find_config("flights")
    text = path.read_text().replace("window = 11 ", "window = 2 ")
    assert "window = 2 " in text and old in text
    path.write_text(text.replace(old, new, 1) + "\n" + added)
    return load_config(path)


def without_thresholds() -> None:
    """Those of a classifier are none of a regression."""
    path = find_config("flights")
    text = path.read_text()
    path.write_text(text[: text.index("[evaluation]\n")])


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ('[balance]\nmethod = "smooth"', r"\[balance\] method: input should be 'none', 'weights', 'over', 'under' or"),
        ("[balance]\nratio = 0.0", r"\[balance\] ratio: input should be greater than 0"),
        (
            "[balance]\nmethods = 1",
            r"\[balance\] methods: unknown key; did you mean method\? legal keys: method, ratio, weights, correct_pr",
        ),
        ('[balance]\nweights = {"1" = 2.0}', r'of no effect with method = "none"; set method to "weights"'),
        ('[balance]\nmethod = "weights"\nweights = {"late" = 2.0}', r'late is no class of a binary label; legal: "0",'),
        ("[augmentation]\njitter = 1.5", r"\[augmentation\] jitter: input should be less than or equal to 1"),
        ("[[data.extra]]\nwhere = {}", r"\[data\] extra.0.where: "),
        (
            '[[data.extra]]\nwhere = {origin = "JFK"}\nspans = 0',
            r"\[data\] extra.0.spans: input should be gr",
        ),
        (
            '[[data.extra]]\nwhere = {origin = "JFK"}\nspan = 1',
            r"\[data\] extra.0.span: unknown key; did you mean spans\? legal keys: where, s",
        ),
    ],
)
def test_what_is_no_setting_is_refused_in_one_line(project, added, message):
    with pytest.raises(ConfigError, match=message) as raised:
        config(added)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("added", "old", "new", "message"),
    [
        ('[balance]\nmethod = "over"', '"binary"', '"regression"', "a regression has no classes to balance"),
        (JFK, '"span-{span}.csv"', '"span-01.csv"', "one file has no older spans"),
        ("[augmentation]\nshift = 0.1", "", "", r"\[augmentation\] shift: there is no image feature; take it out"),
        ('[augmentation]\nflip = "both"', "", "", r"\[augmentation\] flip: there is no image feature; take it out"),
        (
            '[balance]\nmethod = "smote"',
            "[features]",
            '[features]\nimage = ["photo"]',
            '"smote" cannot interpolate between images; take "over" or "weights"',
        ),
    ],
)
def test_what_the_dataset_has_no_use_for_is_refused(project, added, old, new, message):
    if "regression" in new:
        without_thresholds()
    with pytest.raises(ConfigError, match=message):
        config(added, old, new)


def test_augmentation_serves_a_regression_too(project):
    without_thresholds()
    assert config("[augmentation]\njitter = 0.5", '"binary"', '"regression"').augmentation.jitter == 0.5


def test_data_steps_are_data_and_no_code(project):
    """One after the other; each is another fingerprint of the data, none of them one of the code."""
    prints, code = [], set()
    for added in ("", '[balance]\nmethod = "weights"\n', "[augmentation]\njitter = 0.5\n", JFK):
        settings = config(added)
        source = source_of(settings, "data/flights")
        prints.append(check_data(source, None, Path("cache/scans.json")).fingerprint)
        code.add(code_fingerprint(settings))
    assert len(set(prints)) == len(prints) == 4
    assert len(code) == 1


def test_what_is_switched_off_is_no_step(project):
    assert (
        steps_json(BalanceSection(), AugmentationSection())
        == steps_json(BalanceSection(ratio=0.5), AugmentationSection())
        == ""
    )
    steps = json.loads(steps_json(BalanceSection(method="under", ratio=0.5), AugmentationSection(jitter=1.0)))
    assert steps == {
        "balance": {"method": "under", "ratio": 0.5, "weights": {}, "correct_prior": True},
        "augmentation": {"jitter": 1.0},
    }


def test_extra_rows_are_counted_before_a_run(project):
    settings = config(JFK)
    checked = check_data(source_of(settings, "data/flights"), 4, Path("cache/scans.json"))
    assert [(file.span, file.before) for file in checked.window.files] == [(1, 1), (2, 0), (3, 0), (4, 0)]
    rows = Path("data/flights/span-01.csv").read_text().splitlines()
    origin = rows[0].split(",").index("origin")
    scans = json.loads(Path("cache/scans.json").read_text())
    (taken,) = [scan["extra"] for scan in scans.values() if scan["extra"]]
    assert taken == [sum(row.split(",")[origin] == "JFK" for row in rows[1:])]
    with pytest.raises(InputError, match="takes rows for span 3, does not exist; available: 1-4"):
        check_data(source_of(settings, "data/flights"), 3, Path("cache/scans.json"))


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ('{orgin = "JFK"}', ConfigError, "'orgin' is not in the schema"),
        ('{distance = "far"}', ConfigError, "'far' is not a valid int64"),
        ('{origin = "JFX"}', InputError, "no labelled row of the 1 spans before the window has origin = JFX"),
    ],
)
def test_a_slice_that_is_not_there_is_refused_before_a_run(project, where, error, message):
    settings = config(f"[[data.extra]]\nwhere = {where}\n")
    with pytest.raises(error, match=message):
        check_data(source_of(settings, "data/flights"), 4, Path("cache/scans.json"))


def test_several_values_and_numbers(project):
    settings = config('[[data.extra]]\nwhere = {origin = ["JFK", "LGA"], distance = 1400}\n')
    (extra,) = source_of(settings, "data/flights").extra
    assert extra.where == {"origin": ("JFK", "LGA"), "distance": ("1400",)}


def test_steps_of_images_are_data_steps_without_those_not_used():
    used = AugmentationSection(shift=0.1, flip="horizontal")
    assert json.loads(steps_json(BalanceSection(), used)) == {
        "augmentation": {"jitter": 0.0, "shift": 0.1, "flip": "horizontal"}
    }
    assert json.loads(steps_json(BalanceSection(), AugmentationSection(jitter=0.5))) == {
        "augmentation": {"jitter": 0.5}
    }
    assert steps_json(BalanceSection(), AugmentationSection()) == ""
