import pytest

from components.shared.errors import InputError, UsageError
from pipeline.onboarding.initialise.find_data import find_data, legal_name


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Folder `in` of the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def fill(folder, *names):
    for name in names:
        (folder / name).write_text("x\n1\n")


def test_a_folder_of_one_file_is_that_file(folder):
    fill(folder, "only-1.csv")
    place = find_data("in")
    assert (place.directory, place.pattern, place.window, len(place.files)) == ("in", "only-1.csv", 0, 1)
    assert find_data("in/only-1.csv") == place


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["a1.csv", "a2.csv"], "a{span}.csv"),
        (["2023-q1.csv.bz2", "2023-q2.csv.bz2"], "2023-q{span}.csv.bz2"),
        (["1.parquet", "2.parquet"], "{span}.parquet"),
    ],
)
def test_patterns(folder, names, pattern):
    fill(folder, *names)
    assert find_data("in").pattern == pattern


@pytest.mark.parametrize(("spans", "window"), [((1, 2), 1), ((1, 2, 3, 4, 5), 3), ((1, 4, 5, 6), 2)])
def test_the_window_ends_where_a_span_is_missing(folder, spans, window):
    fill(folder, *(f"a-{span}.csv" for span in spans))
    assert find_data("in").window == window


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a-1.csv", "a-2.csv", "b-1.csv"], InputError, r"a-\{span\}.csv, b-"),
        (["train.csv", "test.csv"], InputError, "test.csv, train.csv"),
        (["2023-11.csv", "2023-12.csv", "2024-01.csv"], InputError, r"\{span\}-\{span\}.csv"),
        (["d-20230131.csv", "d-20230201.csv"], InputError, "rename the files to consecutive numbers"),
        (["a-1.csv", "a-01.csv"], InputError, "span 1 is duplicated"),
        (["notes.doc"], UsageError, "contains no readable file"),
    ],
)
def test_folders_that_are_no_series(folder, names, error, message):
    fill(folder, *names)
    with pytest.raises(error, match=message):
        find_data("in")


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
