"""Incidents, and real servers on loopback, for the tests of sinks."""

import http.server
import socketserver
import threading
from datetime import datetime, timezone

import pytest

from monitor.incident import Cause, Incident
from monitor.sinks.event import events
from monitor.sinks.outbox import Outbox


@pytest.fixture
def now():
    """A fixed time."""
    return datetime(2026, 11, 30, 12, tzinfo=timezone.utc)


@pytest.fixture
def event():
    """Title -> the event of a severe incident."""

    def make(title="dest has moved", number=1, **more):
        fields = {"state": "open", "level": "severe", "opened": "2026-11-29", "updated": "2026-11-29", **more}
        incident = Incident(number, title=title, first_window=4, causes=(Cause("dest", "LAX"),), **fields)
        (found,) = events("flights", [incident])
        return found

    return make


@pytest.fixture
def outbox(tmp_path):
    """An empty outbox."""
    with Outbox(tmp_path / "monitor") as found:
        yield found


class _Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        """Notes the request, then answers with the next of the statuses, 200 at the end."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((dict(self.headers), body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


class _Smtp(socketserver.StreamRequestHandler):
    """The server's side of RFC 5321, without extensions but AUTH PLAIN."""

    def handle(self):
        """Holds the conversation and notes the mail."""
        self._say("220 loopback ESMTP")
        mail = {"recipients": []}
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            verb = line.upper()
            if verb.startswith("EHLO"):
                self._say("250-loopback")
                self._say("250 AUTH PLAIN")
            elif verb.startswith("MAIL FROM"):
                mail["sender"] = line
                self._say(self.server.refusals.get("MAIL", "250 OK"))
            elif verb.startswith("RCPT TO"):
                mail["recipients"].append(line)
                self._say(self.server.refusals.get("RCPT", "250 OK"))
            elif verb == "DATA":
                self._say("354 go on")
                lines = []
                while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(text)
                self.server.mails.append({**mail, "text": "\n".join(lines)})
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 OK")

    def _say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


def _served(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def receiver():
    """A web server: `.requests` it got, `.answers` (status, headers) that it gives first."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.requests, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield from _served(server)


@pytest.fixture
def smtp():
    """An SMTP server: `.mails` it took, `.refusals` by command."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp)
    server.mails, server.refusals = [], {}
    yield from _served(server)
