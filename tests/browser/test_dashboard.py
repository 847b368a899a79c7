"""The dashboard in a real browser: as a file and from a server, in both themes, on a phone and on a desk."""

import http.server
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from components.registry.aliases import Aliases, aliases_text
from components.shared.files import write_text
from monitor.dashboard.app import Dashboard
from monitor.dashboard.history import Place, read_history
from monitor.dashboard.page import dashboard_page
from monitor.dashboard.retraining_rows import file_link
from monitor.dashboard.version_changes import VersionChanges
from monitor.store import MonitorStore, WindowResult
from serving.http.messages import HttpRequest
from tests.browser.opened import CONTRAST, EMPTY_CHARTS, OVERFLOW, Opened
from tests.monitor.dashboard.made_up import EVIL, RUN, made_up

pytestmark = pytest.mark.slow

THEMES, WIDTHS = ("light", "dark"), (360, 1280)
TOKEN = "a-token-of-this-test"
OPEN_ALL = "() => document.querySelectorAll('details').forEach((each) => { each.open = true; })"


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Place:
    return made_up(tmp_path_factory.mktemp("runs") / "flights")


@pytest.fixture(scope="session")
def files(place, tmp_path_factory) -> dict[str, Path]:
    """Name -> page on disk."""
    folder = tmp_path_factory.mktemp("dashboards")
    long = "_a_name_that_is_far_too_long_for_any_column" * 3
    places = {
        "monitored": place,
        "hostile": made_up(folder / "hostile", days=30, text=EVIL),
        "long": made_up(folder / "long", days=6, text=long),
        "empty": Place("flights", folder / "none", str(folder / "none" / "registry")),
    }
    for name, one in places.items():
        path = folder / f"{name}.html"
        write_text(path, dashboard_page(read_history(one, 60), file_link(one.home, path)))
    return {name: folder / f"{name}.html" for name in places}


class Answering(http.server.ThreadingHTTPServer):
    """The dashboard behind an HTTP server of the standard library, in place of one that would load TensorFlow."""

    def __init__(self, dashboard: Dashboard) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dashboard, self.lock = dashboard, threading.Lock()
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/dashboard"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.asked.append(f"{self.command} {self.path}")
            answer = self.server.dashboard.respond(HttpRequest(self.command, path, query, headers, body, 0.0, 0))
        self.wfile.write(
            f"HTTP/1.0 {answer.status} {HTTPStatus(answer.status).phrase}\r\ncontent-type: {answer.content_type}\r\n"
            f"content-length: {len(answer.body)}\r\n{answer.headers}\r\n".encode()
            + answer.body
        )

    do_POST = do_GET  # noqa: N815 - the name that the base class calls

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[Answering, Place]]:
    """A server that allows changes, with versions 3 (live) and 4 (canary), and the history of two days."""
    place = made_up(tmp_path / "flights", days=2)
    for version in (3, 4):
        write_text(tmp_path / "flights" / "registry" / str(version) / "manifest.json", '{"files": {}}')
    labels = Aliases("r", live=3, canary=4, share=0.05, key="k4", since="2026-10-24T00:21:00+00:00")
    write_text(tmp_path / "flights" / "registry" / "labels.json", aliases_text(labels))
    server = Answering(Dashboard([place], TOKEN.encode(), VersionChanges({}), secure=False))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server, place
    server.shutdown()
    server.server_close()
    thread.join(10)


class Visit:
    """A page of a server; `complaints` are console messages, errors, and requests to anything else."""

    def __init__(self, browser, server: Answering, **context):
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url, server.url))
        self.page.goto(server.url)

    def _asked(self, url: str, own: str) -> None:
        if not url.startswith((own, "data:")):
            self.complaints.append(f"request {url}")

    def sign_in(self) -> None:
        self.page.get_by_label("Token").fill(TOKEN)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("#incidents")

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


CASES = [("monitored", width, theme) for width in WIDTHS for theme in THEMES]
CASES += [(name, *case) for name in ("hostile", "long", "empty") for case in ((360, "dark"), (1280, "light"))]


@pytest.mark.parametrize(("name", "width", "theme"), CASES)
def test_a_file_opens_fits_and_can_be_read(browser, files, name, width, theme):
    with Opened(browser, files[name], width, theme) as opened:
        opened.page.evaluate(OPEN_ALL)
        assert opened.complaints == []
        assert opened.page.evaluate(OVERFLOW) <= 0
        assert opened.page.evaluate(EMPTY_CHARTS) == []
        assert opened.page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("theme", THEMES)
def test_severities_stand_out_from_the_page(browser, files, theme):
    """WCAG 1.4.11: marks that carry a meaning have a contrast of at least 3 to the page."""
    with Opened(browser, files["monitored"], theme=theme) as opened:
        weak = opened.page.evaluate(
            """() => {
          const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const paper = light(getComputedStyle(document.body).backgroundColor);
          return ["rect.moderate", "rect.severe", ".line", ".dot", ".stack"].filter((each) => {
            const style = getComputedStyle(document.querySelector(each));
            const mark = light(each === ".line" ? style.stroke : style.fill);
            return (Math.max(mark, paper) + 0.05) / (Math.min(mark, paper) + 0.05) < 3;
          });
        }"""
        )
        assert weak == []


def test_everything_is_reached_by_keyboard(browser, files):
    with Opened(browser, files["monitored"], 1280) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
        reached = []
        for _ in range(60):
            reached.append(page.evaluate("() => document.activeElement.outerHTML.slice(0, 160)"))
            page.keyboard.press("Tab")
        for wanted in ('href="#drift"', 'id="theme"', "1 closed incident", '"name">dep_delay', f"reports/{RUN}"):
            assert any(wanted in found for found in reached), wanted
        row = page.locator("details.row").first
        row.locator("summary").focus()
        page.keyboard.press("Enter")
        assert row.evaluate("(each) => each.open")


def test_values_are_shown_under_the_pointer(browser, files):
    with Opened(browser, files["hostile"], 1280) as opened:
        opened.page.locator("#traffic ~ .charts rect.tip").last.hover()
        tip = opened.page.locator("#tip")
        assert tip.inner_text().startswith("Window 30, ")
        opened.page.keyboard.press("Escape")
        assert tip.is_hidden() and opened.complaints == []


def test_without_scripts_and_with_reduced_motion(browser, files):
    with Opened(browser, files["monitored"], java_script_enabled=False, reduced_motion="reduce") as opened:
        assert opened.page.get_by_role("heading", name="2 open incidents").is_visible()
        assert opened.page.locator("svg.chart:visible").count() >= 6
        assert not opened.page.locator("#theme").is_visible()
    with Opened(browser, files["monitored"], reduced_motion="reduce") as opened:
        assert opened.page.evaluate("() => getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_sign_in_roll_back_and_sign_out(browser, served):
    server, place = served
    with Visit(browser, server) as visit:
        page = visit.page
        assert page.get_by_role("heading", name="Sign in").is_visible()
        page.get_by_label("Token").fill("a wrong token")
        page.keyboard.press("Enter")
        assert page.get_by_role("alert").inner_text() == "The token is not the server's."
        refused = [found for found in visit.complaints if "403" in found]
        assert visit.complaints == refused, "Chromium reports the status alone"
        visit.complaints.clear()
        visit.sign_in()
        assert not page.evaluate("() => document.cookie"), "the cookie is not for scripts"
        page.get_by_text("Roll back canary 4 …").click()
        page.locator("details[open]").get_by_label("Reason").fill("as a test")
        page.locator("details[open]").get_by_role("button", name="Roll back canary 4").click()
        page.wait_for_selector("text=Rolled back version 4, by a person")
        assert page.get_by_text("in the dashboard: as a test").is_visible()
        page.get_by_role("button", name="Sign out").click()
        assert page.get_by_role("heading", name="Sign in").is_visible()
        assert visit.complaints == []
    assert '"canary": null' in (place.home / "registry" / "labels.json").read_text()


def test_a_report_opens_without_the_session(browser, served):
    server, _ = served
    with Visit(browser, server) as visit:
        visit.sign_in()
        visit.page.get_by_role("link", name=RUN).click()
        assert visit.page.get_by_text("The report of the run.").is_visible()
        assert visit.page.evaluate(
            "() => { try { return document.cookie; } catch (error) { return error.name; } }"
        ) == ("SecurityError")


def test_the_page_renews_itself_and_keeps_open_rows_open(browser, served):
    server, place = served
    with Visit(browser, server) as visit:
        page = visit.page
        page.clock.install()
        visit.sign_in()
        row = page.locator("details.row").first
        row.locator("summary").click()
        with MonitorStore(place.home / "monitor") as store:
            (window, *_) = store.windows(last=1)
            found = [one for _, one in store.measurements(number=window.number)]
            new = type(window)(**{**vars(window), "number": 3, "start": window.end, "end": window.end.replace(day=4)})
            store.add(WindowResult(new, found))
        wait_past_the_cache(server)
        page.clock.fast_forward(31_000)
        page.wait_for_selector("text=Window 3, ")
        assert row.evaluate("(each) => each.open")
        page.get_by_role("button", name="Auto refresh").click()
        asked = len(server.asked)
        page.clock.fast_forward(120_000)
        assert len(server.asked) == asked, "the reader has switched it off"
        assert visit.complaints == []


def wait_past_the_cache(server: Answering) -> None:
    """Forgets what the server has read: it reads at most every two seconds."""
    with server.lock:
        server.dashboard._pages.forget()


def test_these_checks_notice(browser, files):
    with Opened(browser, files["monitored"], 360) as opened:
        opened.page.evaluate("""() => {
          const main = document.querySelector("main");
          main.insertAdjacentHTML("beforeend", '<p style="color: red">styled</p><img src="https://example.org/x">');
          const script = document.createElement("script");
          script.textContent = "alert(1)";
          main.append(script);
        }""")
        for what in ("style", "script", "example.org"):
            assert any(what in found for found in opened.complaints), what
