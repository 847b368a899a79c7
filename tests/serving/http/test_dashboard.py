"""/dashboard of a running server: it answers beside the models, with and without a token, and never instead of them."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from components.registry.registry import Registry
from tests.monitor.dashboard.made_up import made_up
from tests.serving.http.running import Server, wait_for
from tests.serving.models.saved_models import push

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-this-test"


def test_dashboard_is_open_where_the_models_are(server: Server) -> None:
    answer = server.ask("GET", "/dashboard")
    assert answer.status == 200 and b"Not monitored yet" in answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert any("/dashboard" in line for line in server.said)
    assert server.ask("HEAD", "/dashboard").body == b""
    assert server.ask("GET", "/dashboards").status == 404
    assert server.ask("POST", "/dashboard/promote", b"dataset=flights").status == 405


def test_sign_in_and_roll_back(start, tmp_path, models) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    server = start("--token-file", str(token), "--dashboard-changes")
    made_up_beside(server, models[2.0])
    assert server.ask("GET", "/dashboard").status == 303
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = server.ask("POST", "/dashboard/sign-in", urlencode({"token": TOKEN}).encode(), form)
    cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    page = server.ask("GET", "/dashboard", headers=cookie).body.decode()
    assert "1 open incident" in page
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert csrf is not None and "Roll back canary" in page
    body = urlencode({"csrf": csrf[1], "dataset": "flights", "canary": "1", "reason": "a test"}).encode()
    assert server.ask("POST", "/dashboard/rollback", body, cookie | form).status == 303
    assert Registry(server.root / "registry").labels().canary is None
    assert "Rolled back version" in server.ask("GET", "/dashboard", headers=cookie).body.decode()
    assert server.predict(1.0, {"authorization": f"Bearer {TOKEN}"}).status == 200
    # There is no metadata store in this project, so the recorder says so in the server's log.
    wait_for(lambda: any("the decision is in effect" in line for line in server.said))


def made_up_beside(server: Server, model: Path) -> None:
    """A history in the monitor's store; the registry stays that of the server and gets a canary."""
    labels = (server.root / "registry" / "labels.json").read_bytes()
    made_up(server.root, days=2)
    (server.root / "registry" / "labels.json").write_bytes(labels)
    registry = Registry(server.root / "registry")
    push(registry, model)
    registry.start_canary(1, 0.1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dashboard-changes",), "--dashboard-changes: needs a bearer token"),
        (("--dashboard-changes", "--no-dashboard"), "--dashboard-changes: needs the dashboard"),
    ],
)
def test_changes_need_a_token(start, options, said) -> None:
    with pytest.raises(AssertionError, match=f"exit code 2: (?s:.)*{said}"):
        start(*options)
