"""The dashboard on a server: who may read, who may change, and what another site or a hostile request gets."""

import json
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from components.registry.registry import Registry
from components.shared.files import write_text
from monitor.dashboard.app import Dashboard, create
from monitor.dashboard.history import Place
from monitor.dashboard.sessions import COOKIE, SECONDS, Sessions
from monitor.dashboard.version_changes import VersionChanges
from serving.canary.journal import Journal
from serving.http.messages import HttpRequest, HttpResponse
from tests.components.registry.conftest import model as model
from tests.monitor.dashboard.made_up import RUN

TOKEN = b"a-token-of-the-server"


@pytest.fixture
def place(tmp_path, model) -> Place:
    """A dataset with live version 1 and canary 2, and without a store."""
    registry = Registry(tmp_path / "flights" / "registry")
    for name in ("a", "b", "c"):
        registry.push(model(name), {}, alias="none")
    registry.start_canary(2, 0.05)
    return Place("flights", tmp_path / "flights", str(registry.folder))


def dashboard(place: Place, token: bytes = TOKEN, changes: bool = True, clock=time.time) -> Dashboard:
    return Dashboard([place], token, VersionChanges({}) if changes else None, secure=False, clock=clock)


def get(app: Dashboard, path: str = "/dashboard", **headers: str) -> HttpResponse:
    path, _, query = path.partition("?")
    return app.respond(HttpRequest("GET", path, query, _names(headers), b"", 0.0, 0))


def post(app: Dashboard, path: str, form: dict[str, str], **headers: str) -> HttpResponse:
    body = urlencode(form).encode()
    return app.respond(HttpRequest("POST", f"/dashboard/{path}", "", _names(headers), body, 0.0, 0))


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def header(response: HttpResponse, name: str) -> str:
    lines = dict(line.split(": ", 1) for line in response.headers.split("\r\n") if line)
    return lines.get(name, "")


def signed_in(app: Dashboard) -> tuple[str, dict[str, str]]:
    """The cookie of a session, and the fields of its forms."""
    response = post(app, "sign-in", {"token": TOKEN.decode()})
    assert response.status == 303 and header(response, "location") == "/dashboard"
    cookie = header(response, "set-cookie").partition(";")[0]
    page = get(app, cookie=cookie).body.decode()
    form = {"csrf": page.partition('name="csrf" value="')[2].partition('"')[0], "dataset": "flights"}
    return cookie, form


def labels(place: Place):
    return Registry(place.registry).labels()


# -- reading -----------------------------------------------------------------------------------------------------


def test_without_a_token_everybody_reads_and_nobody_changes(place):
    app = create(
        {"datasets": [{"name": "flights", "home": str(place.home), "registry": place.registry}], "changes": True,
         "secure": False},
        b"",
    )  # fmt: skip
    page = get(app)
    assert page.status == 200 and b"Not monitored yet" in page.body and b"<form" not in page.body
    for path in ("promote", "rollback", "sign-in", "sign-out"):
        assert post(app, path, {"dataset": "flights"}).status == 405
    assert labels(place).canary == 2


def test_with_a_token_the_page_needs_it(place):
    app = dashboard(place)
    response = get(app, "/dashboard?dataset=flights&windows=30")
    assert response.status == 303
    assert header(response, "location") == "/dashboard/sign-in?to=dataset%3Dflights%26windows%3D30"
    assert get(app, authorization="Bearer wrong-token-wrong-token").status == 303
    assert get(app, authorization=f"Bearer {TOKEN.decode()}").status == 200
    assert get(app, f"/dashboard/reports/flights/{RUN}").status == 303


def test_headers_of_every_response(place):
    app = dashboard(place)
    cookie, _ = signed_in(app)
    for response in (get(app, cookie=cookie), get(app, "/dashboard/sign-in"), get(app, "/dashboard/x", cookie=cookie)):
        policy = header(response, "content-security-policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert header(response, "cache-control") == "no-store"
        assert header(response, "x-content-type-options") == "nosniff"
        assert header(response, "referrer-policy") == "no-referrer"


def test_unknown_paths_datasets_and_methods(place):
    app = dashboard(place, token=b"")
    assert get(app, "/dashboard/x").status == 404
    assert get(app, "/dashboard?dataset=%3Cscript%3E").status == 404
    assert b"<script>:" not in get(app, "/dashboard?dataset=%3Cscript%3E").body
    assert app.respond(HttpRequest("DELETE", "/dashboard", "", {}, b"", 0.0, 0)).status == 405
    assert get(app, "/dashboard?" + "&".join(f"a{n}=1" for n in range(100))).status == 200
    assert get(app, "/dashboard?windows=999999999").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/reports/flights/..%2F..%2Fregistry%2Flabels.json",
        "/dashboard/reports/..%2Fflights/" + RUN,
        "/dashboard/reports/flights/20261127T050000Z-ffff",
        "/dashboard/reports/flights",
    ],
)
def test_reports_that_are_none(place, path):
    assert get(dashboard(place, token=b""), path).status == 404


def test_a_report_runs_apart_from_the_session(place):
    write_text(place.home / "reports" / RUN / "report.html", "<p>The report.")
    response = get(dashboard(place, token=b""), f"/dashboard/reports/flights/{RUN}")
    assert response.status == 200 and response.body == b"<p>The report."
    policy = header(response, "content-security-policy")
    assert policy.startswith("sandbox allow-scripts; default-src 'none'") and "allow-same-origin" not in policy


# -- sessions ----------------------------------------------------------------------------------------------------


def test_a_wrong_token_starts_no_session(place):
    app = dashboard(place)
    for token in ("", "wrong", TOKEN.decode() + "x", "ü"):
        response = post(app, "sign-in", {"token": token})
        assert response.status == 403 and not header(response, "set-cookie")
    assert b"The token is not the server" in response.body


def test_the_cookie(place):
    cookie = header(post(dashboard(place), "sign-in", {"token": TOKEN.decode()}), "set-cookie")
    assert cookie.startswith(f"{COOKIE}=") and TOKEN.decode() not in cookie
    assert cookie.endswith(f"; Path=/dashboard; Max-Age={SECONDS}; HttpOnly; SameSite=Strict")
    secure = Dashboard([place], TOKEN, None, secure=True)
    assert header(post(secure, "sign-in", {"token": TOKEN.decode()}), "set-cookie").endswith("; Secure")


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "dataset=a%0d%0aset-cookie: x", "x=1"])
def test_a_sign_in_leads_to_the_dashboard_alone(place, to):
    response = post(dashboard(place), "sign-in", {"token": TOKEN.decode(), "to": to})
    location = header(response, "location")
    assert location == "/dashboard" or location.startswith("/dashboard?dataset=")
    assert (
        "\r" not in location
        and "evil" not in location
        and response.headers.count("set-cookie") == (2 if "set-cookie" in location else 1)
    )


def test_sessions_end(place):
    now = [1_000_000.0]
    app = dashboard(place, clock=lambda: now[0])
    cookie, _ = signed_in(app)
    now[0] += SECONDS - 1
    assert get(app, cookie=cookie).status == 200
    now[0] += 2
    assert get(app, cookie=cookie).status == 303


@pytest.mark.parametrize(
    "forge",
    [
        lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
        lambda value: "9" + value,
        lambda value: value.rpartition(".")[0],
        lambda value: "",
        lambda value: "a.b.c",
    ],
)
def test_a_forged_cookie_is_none(place, forge):
    app = dashboard(place)
    name, _, value = signed_in(app)[0].partition("=")
    assert get(app, cookie=f"{name}={forge(value)}").status == 303


def test_another_token_ends_all_sessions(place):
    cookie, _ = signed_in(dashboard(place))
    assert get(dashboard(place, token=b"another-token-of-it"), cookie=cookie).status == 303


def test_a_form_token_is_no_session():
    sessions = Sessions(TOKEN, "/dashboard", secure=False)
    value = sessions.start(0.0).partition(";")[0].partition("=")[2]
    session = sessions.session(f"{COOKIE}={value}", 1.0)
    assert session and not sessions.session(f"{COOKIE}={session}.{sessions.form_token(session)}", 1.0)
    assert not sessions.is_form_token(sessions.form_token(""), "")


def test_sign_out(place):
    app = dashboard(place)
    cookie, form = signed_in(app)
    response = post(app, "sign-out", form, cookie=cookie)
    assert response.status == 303 and "Max-Age=0" in header(response, "set-cookie")


# -- changes -----------------------------------------------------------------------------------------------------


def test_promote_by_form(place):
    app = dashboard(place)
    cookie, form = signed_in(app)
    response = post(app, "promote", {**form, "live": "1", "canary": "2", "previous": "", "reason": "as\ngood"},
                    cookie=cookie, sec_fetch_site="same-origin")  # fmt: skip
    assert (response.status, header(response, "location")) == (303, "/dashboard?dataset=flights#versions")
    assert (labels(place).live, labels(place).canary, labels(place).previous) == (2, None, 1)
    (line,) = Journal(place.home / "canary").lines()
    assert (line["action"], line["version"], line["by"], line["reason"]) == (
        "promote", 2, "person", "in the dashboard: as good",
    )  # fmt: skip
    assert "Promoted version 2, by a person" in get(app, cookie=cookie).body.decode()


def test_rollback_by_header(place):
    response = post(dashboard(place), "rollback", {"dataset": "flights"}, authorization=f"Bearer {TOKEN.decode()}")
    assert response.status == 200 and json.loads(response.body)["version"] == 2
    assert (labels(place).live, labels(place).canary, labels(place).decided) == (1, None, 2)


def test_rollback_of_the_live_version(place):
    Registry(place.registry).promote()
    app = dashboard(place)
    cookie, form = signed_in(app)
    assert b"Roll back to version 1" in get(app, cookie=cookie).body
    assert post(app, "rollback", {**form, "live": "2", "canary": "", "previous": "1"}, cookie=cookie).status == 303
    assert labels(place).live == 1


def test_changes_need_the_token_of_the_form(place):
    app = dashboard(place)
    cookie, form = signed_in(app)
    for given in ({**form, "csrf": ""}, {"dataset": "flights"}, {**form, "csrf": "0" * 64}):
        assert post(app, "promote", given, cookie=cookie).status == 403
    other, _ = signed_in(app)
    assert post(app, "promote", form, cookie=other).status == 403, "the form of another session"
    assert post(app, "promote", form).status == 403, "no session"
    assert labels(place).canary == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example", "host": "localhost:8501"},
        {"origin": "null", "host": "localhost:8501"},
    ],
)
def test_another_site_changes_nothing(place, headers):
    app = dashboard(place)
    cookie, form = signed_in(app)
    assert post(app, "promote", form, cookie=cookie, **headers).status == 403
    assert labels(place).canary == 2


def test_a_page_that_is_out_of_date_changes_nothing(place):
    app = dashboard(place)
    cookie, form = signed_in(app)
    seen = {**form, "live": "1", "canary": "2", "previous": ""}
    registry = Registry(place.registry)
    registry.rollback()
    registry.start_canary(3, 0.1)
    response = post(app, "promote", seen, cookie=cookie)
    assert response.status == 409 and b"The canary version is 3 now" in response.body
    assert (labels(place).live, labels(place).canary) == (1, 3)


def test_what_is_impossible_is_told(place):
    app = dashboard(place)
    cookie, form = signed_in(app)
    Registry(place.registry).rollback()
    response = post(app, "promote", form, cookie=cookie)
    assert response.status == 409 and b"no version is the canary" in response.body
    assert post(app, "promote", {**form, "dataset": "x"}, cookie=cookie).status == 404


def test_changes_are_off_by_default(place):
    app = dashboard(place, changes=False)
    cookie, form = signed_in(app)
    assert b"Promote" not in get(app, cookie=cookie).body
    response = post(app, "promote", form, cookie=cookie)
    assert response.status == 403 and b"--dashboard-changes" in response.body
    assert post(app, "promote", form, authorization=f"Bearer {TOKEN.decode()}").status == 403
    assert labels(place).canary == 2


def test_a_long_form_is_refused(place):
    assert post(dashboard(place), "sign-in", {"token": "x" * 5000}).status == 413


def test_a_decision_is_given_to_the_recorder(place, tmp_path):
    kept = tmp_path / "decision.json"
    changes = VersionChanges({"flights": ["sh", "-c", f"cat > {kept}.part && mv {kept}.part {kept}"]})
    changes.carry_out(place, "promote", {})
    end = time.monotonic() + 30
    while not kept.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    decision = json.loads(Path(kept).read_text())
    assert (decision["action"], decision["version"], decision["registry"]) == ("promote", 2, labels(place).id)


def test_several_datasets(place):
    other = replace(place, name="other")
    app = Dashboard([place, other], b"", None, secure=False)
    assert b'aria-current="page">flights' in get(app).body
    assert b'aria-current="page">other' in get(app, "/dashboard?dataset=other").body
