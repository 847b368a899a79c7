from pathlib import Path

import pytest

from components.shared.errors import UsageError
from components.shared.texts.file_names import below, checked, is_plain, leads_out


@pytest.mark.parametrize("name", ["flights", "20261121T090631Z-a531", "Zürich", "a b", "x..y"])
def test_plain(name):
    assert is_plain(name)
    assert checked(name, "run") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", "a\\b", ".git", "a\0b", "a\nb", "x" * 256, "\u202e"]
)
def test_not_plain(name):
    assert not is_plain(name)
    with pytest.raises(UsageError, match="is not a plain name") as error:
        checked(name, "run")
    assert str(error.value).isprintable()


def test_below():
    assert below(Path("/r"), "variables/a") == Path("/r/variables/a")
    for leaves in ("", "/etc/passwd", "../x", "a/../../x", "a\0", "..\\x"):
        assert below(Path("/r"), leaves) is None


def test_links(tmp_path):
    version = tmp_path / "registry" / "1"
    (version / "variables").mkdir(parents=True)
    (version / "saved_model.pb").write_text("x")
    (version / "again").symlink_to("saved_model.pb")
    assert leads_out(version) is None
    (version / "variables" / "data").symlink_to("/etc/hostname")
    assert leads_out(version) == version / "variables" / "data"
    other = tmp_path / "registry" / "2"
    other.symlink_to(tmp_path)
    assert leads_out(other) == other
