import pytest

from components.shared.errors import ConfigError, GateBlocked, InputError, PlumblineError, UsageError


@pytest.mark.parametrize(
    ("error", "code"), [(PlumblineError, 1), (InputError, 2), (ConfigError, 2), (UsageError, 2), (GateBlocked, 3)]
)
def test_exit_codes(error, code):
    raised = error("file: what is wrong")
    assert isinstance(raised, PlumblineError)
    assert (raised.exit_code, str(raised)) == (code, "file: what is wrong")
