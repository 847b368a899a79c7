"""Pages beside the model API: answered in a thread of their own, a few at a time, whatever happens in it."""

import threading

import pytest

from components.shared.errors import PlumblineError
from serving.http.messages import HttpRequest, HttpResponse
from serving.http.pages import WAITING, PageSource, PageThread

GET = HttpRequest("GET", "/page/x", "", {}, b"", 0.0, 0)


class Blocking:
    """Pages that wait until they are released."""

    path = "/page"

    def __init__(self, options=None, token=b"") -> None:
        self.options, self.token = options, token
        self.released = threading.Event()
        self.threads: set[str] = set()

    def respond(self, request: HttpRequest) -> HttpResponse:
        self.threads.add(threading.current_thread().name)
        self.released.wait(60)
        if request.query == "defect":
            raise RuntimeError("a defect")
        return HttpResponse(200, b"page")


def run(pages: Blocking, requests: list[HttpRequest]) -> list[HttpResponse]:
    """Answers to requests that are all sent before the first is answered."""
    thread, answers, all_there = PageThread(pages, lambda function: function()), [], threading.Event()

    def respond(response: HttpResponse) -> None:
        answers.append(response)
        if len(answers) == len(requests):
            all_there.set()

    for request in requests:
        thread.handle(request, respond)
    pages.released.set()
    assert all_there.wait(60)
    thread.stop()
    return answers


def test_too_many_at_a_time_are_refused_at_once():
    pages = Blocking()
    statuses = [answer.status for answer in run(pages, [GET] * (WAITING + 3))]
    assert statuses == [503] * 3 + [200] * WAITING
    assert len(pages.threads) == 1 and threading.current_thread().name not in pages.threads


def test_a_defect_is_answered(caplog):
    (answer,) = run(Blocking(), [HttpRequest("GET", "/page", "defect", {}, b"", 0.0, 0)])
    assert answer.status == 500 and b"a defect" not in answer.body and "a defect" in caplog.text


@pytest.mark.parametrize(("path", "takes"), [("/page", True), ("/page/a", True), ("/pages", False), ("/", False)])
def test_paths(path, takes):
    assert PageThread(Blocking(), lambda function: function()).takes(path) is takes


def test_a_source_is_imported_by_name():
    pages = PageSource(f"{__name__}:Blocking", {"a": 1}).make(b"token")
    assert (pages.options, pages.token) == ({"a": 1}, b"token")
    for wrong in ("no.such.module:f", f"{__name__}:nothing", "serving"):
        with pytest.raises(PlumblineError, match="the pages of the server cannot be loaded"):
            PageSource(wrong).make(b"")
