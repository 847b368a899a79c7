"""The dashboard of a model server: its paths, who may read it, and what may be changed.

    GET  /dashboard[?dataset=NAME&windows=N]      the page
    GET  /dashboard/reports/DATASET/RUN           the report of a run
    GET  /dashboard/sign-in, POST sign-in, sign-out
    POST /dashboard/promote, /dashboard/rollback  only if the server allows changes, which needs a bearer token

Without a bearer token everybody who reaches the server reads the page, as the model API, and nobody changes anything.
With one, the page needs the header `Authorization: Bearer TOKEN` or the cookie of a session, see sessions.py. A change
by a session also needs the token of its form. The page is made for this module's caller, serving.http.pages, which
imports it by name.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

from components.shared.errors import PlumblineError
from monitor.dashboard.history import Place
from monitor.dashboard.page import DEFAULT_RANGE, RANGES, Chrome, dashboard_page, message_page, policy, sign_in_page
from monitor.dashboard.page_cache import PageCache
from monitor.dashboard.retraining_rows import run_report
from monitor.dashboard.sessions import Sessions
from monitor.dashboard.version_changes import VersionChanges
from serving.http.access import allowed
from serving.http.messages import HttpRequest, HttpResponse

LOG = logging.getLogger("plumbline.serving")
PATH = "/dashboard"
LARGEST_FORM = 4096
HTML = "text/html; charset=utf-8"
_HEADERS = (
    "cache-control: no-store\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
    "cross-origin-opener-policy: same-origin\r\ncross-origin-resource-policy: same-origin\r\n"
)
_REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A report restricts its scripts itself by hash; the sandbox keeps it from the session of the dashboard."""


def create(options: Mapping[str, Any], token: bytes) -> "Dashboard":
    """Makes the dashboard; serving.http.pages calls it.

    Args:
      options: "datasets": objects with name, home, registry and `recorder` (command that records a decision, which it
        reads as JSON from its standard input; [] for none). "changes": whether versions can be promoted and rolled
        back. "secure": whether the server has TLS.
      token: The server's bearer token; b"" for none.
    """
    places = [Place(one["name"], Path(one["home"]), one["registry"]) for one in options["datasets"]]
    recorders = {one["name"]: one.get("recorder", []) for one in options["datasets"]}
    return Dashboard(
        places, token, VersionChanges(recorders) if options["changes"] and token else None, secure=options["secure"]
    )


class Dashboard:
    """Answers requests of readers; see serving.http.pages.Pages."""

    path = PATH

    def __init__(
        self,
        places: list[Place],
        token: bytes,
        changes: VersionChanges | None,
        *,
        secure: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Composes it.

        Args:
          places: The datasets, at least one.
          token: The bearer token; b"" for none.
          changes: Carries out promotions and rollbacks; None if they are not allowed.
          secure: Whether the server has TLS.
          clock: Seconds since 1970.
        """
        self._places = {place.name: place for place in places}
        self._token, self._changes, self._clock = token, changes, clock
        self._sessions = Sessions(token, PATH, secure=secure) if token else None
        self._pages = PageCache()

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answers a request."""
        path = unquote(request.path)
        rest = path.removeprefix(PATH).strip("/")
        if request.method == "POST":
            return self._post(request, rest)
        if request.method not in ("GET", "HEAD"):
            return self._message(405, "Not allowed", "This page can be read; it takes no such request.")
        if rest == "sign-in":
            return self._html(200, sign_in_page(self._chrome(request), False, self._target(_query(request.query))))
        if not self._may_read(request):
            return _redirect(
                f"{PATH}/sign-in?{urlencode({'to': request.query})}" if request.query else f"{PATH}/sign-in"
            )
        if not rest:
            return self._page(request)
        parts = rest.split("/")
        if len(parts) == 3 and parts[0] == "reports":
            return self._report(parts[1], parts[2])
        return self._message(404, "Not found", "The dashboard has no such page.")

    # -- reading -------------------------------------------------------------------------------------------------

    def _page(self, request: HttpRequest) -> HttpResponse:
        query = _query(request.query)
        name = query.get("dataset") or next(iter(self._places))
        place = self._places.get(name)
        if place is None:
            return self._message(404, "Not found", f"{name}: the server serves no such dataset.")
        wanted = query.get("windows", "")
        windows = int(wanted) if wanted.isascii() and wanted.isdigit() and int(wanted) in RANGES else DEFAULT_RANGE
        chrome = self._chrome(request, place.name, windows)

        def link(run_id: str) -> str:
            if run_report(place.home, run_id) is None:
                return ""
            return f"{PATH}/reports/{quote(place.name, safe='')}/{quote(run_id, safe='')}"

        page = self._pages.page(place, windows, chrome, lambda history: dashboard_page(history, link, chrome))
        return self._html(200, page)

    def _report(self, dataset: str, run_id: str) -> HttpResponse:
        place = self._places.get(dataset)
        report = run_report(place.home, run_id) if place is not None else None
        if report is None:
            return self._message(404, "Not found", "There is no report of this run.")
        return HttpResponse(200, report.read_bytes(), HTML, f"content-security-policy: {_REPORT_POLICY}\r\n{_HEADERS}")

    # -- access --------------------------------------------------------------------------------------------------

    def _may_read(self, request: HttpRequest) -> bool:
        return self._sessions is None or self._has_token(request) or bool(self._session(request))

    def _has_token(self, request: HttpRequest) -> bool:
        return bool(self._token) and allowed(request.headers.get("authorization", ""), self._token)

    def _session(self, request: HttpRequest) -> str:
        if self._sessions is None:
            return ""
        return self._sessions.session(request.headers.get("cookie", ""), self._clock())

    def _chrome(self, request: HttpRequest, dataset: str = "", windows: int = DEFAULT_RANGE) -> Chrome:
        session = self._session(request)
        return Chrome(
            served=True,
            base=PATH,
            datasets=tuple(self._places),
            dataset=dataset,
            windows=windows,
            signed_in=bool(session),
            csrf=self._sessions.form_token(session) if session and self._sessions else "",
            may_change=self._changes is not None and bool(session),
        )

    @staticmethod
    def _target(form: Mapping[str, str]) -> str:
        """The query of the page that a reader wanted; only known parameters, so that nobody is sent elsewhere."""
        known = {name: value for name, value in _query(form.get("to", "")).items() if name in ("dataset", "windows")}
        return urlencode(known)

    # -- changes -------------------------------------------------------------------------------------------------

    def _post(self, request: HttpRequest, rest: str) -> HttpResponse:
        if self._sessions is None or rest not in ("sign-in", "sign-out", "promote", "rollback"):
            return self._message(405, "Not allowed", "The server has no bearer token, so nothing can be changed here.")
        if len(request.body) > LARGEST_FORM:
            return self._message(413, "Too long", "The form is longer than any of this page.")
        if _is_of_another_site(request):
            return self._message(403, "Not allowed", "The request was sent by another site.")
        form = _query(request.body.decode("latin-1"))
        if rest == "sign-in":
            return self._sign_in(request, form)
        session = self._session(request)
        if not (self._has_token(request) or self._sessions.is_form_token(form.get("csrf", ""), session)):
            return self._message(403, "Not allowed", "Sign in, and use the form of the page.")
        if rest == "sign-out":
            return _redirect(f"{PATH}/sign-in", self._sessions.end())
        if self._changes is None:
            return self._message(
                403, "Not allowed", "The server was started without --dashboard-changes; it shows the page only."
            )
        return self._change(request, rest, form)

    def _sign_in(self, request: HttpRequest, form: Mapping[str, str]) -> HttpResponse:
        assert self._sessions is not None
        target = self._target(form)
        if not self._sessions.is_token(form.get("token", "")):
            LOG.warning("a sign-in to the dashboard had a wrong token")
            return self._html(403, sign_in_page(self._chrome(request), True, target))
        return _redirect(f"{PATH}?{target}" if target else PATH, self._sessions.start(self._clock()))

    def _change(self, request: HttpRequest, action: str, form: Mapping[str, str]) -> HttpResponse:
        assert self._changes is not None
        place = self._places.get(form.get("dataset", ""))
        back = f"{PATH}?{urlencode({'dataset': form.get('dataset', '')})}"
        if place is None:
            return self._message(404, "Not found", "The server serves no such dataset.")
        try:
            done = self._changes.carry_out(place, action, form)
        except PlumblineError as exc:
            return self._html(409, message_page("Nothing was changed", str(exc), self._chrome(request), back))
        self._pages.forget()
        if self._has_token(request):
            return HttpResponse(200, json.dumps(done).encode(), headers=_HEADERS)
        return _redirect(f"{back}#versions")

    # -- responses -----------------------------------------------------------------------------------------------

    def _message(self, status: int, title: str, text: str) -> HttpResponse:
        return self._html(status, message_page(title, text, Chrome(served=True, base=PATH)))

    def _html(self, status: int, page: str) -> HttpResponse:
        headers = f"content-security-policy: {policy(served=True)}\r\nx-frame-options: DENY\r\n{_HEADERS}"
        return HttpResponse(status, page.encode("utf-8", "replace"), HTML, headers)


def _query(text: str) -> dict[str, str]:
    """Parameters of a query or form, the last of equal names; {} for one that has too many."""
    try:
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=20).items()}
    except ValueError:
        return {}


def _is_of_another_site(request: HttpRequest) -> bool:
    """Whether a browser says that another site sent the request; clients that are no browsers send neither header."""
    site = request.headers.get("sec-fetch-site", "")
    if site:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin", "")
    return bool(origin) and origin.partition("://")[2] != request.headers.get("host", "")


def _redirect(to: str, cookie: str = "") -> HttpResponse:
    """303: the browser gets another page. `to` holds no character from outside that is not percent-encoded."""
    set_cookie = f"set-cookie: {cookie}\r\n" if cookie else ""
    return HttpResponse(303, b"", "text/plain", f"location: {to}\r\n{set_cookie}{_HEADERS}")
