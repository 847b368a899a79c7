"""Delivery: order, retry, giving up, a killed process, and what each sink writes or sends."""

import email
import email.policy
import hashlib
import hmac
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from components.shared.errors import InputError
from monitor.sinks.all_sinks import make_sinks
from monitor.sinks.delivery import RetryPolicy, deliver
from monitor.sinks.email_sink import EmailSink
from monitor.sinks.json_lines import JsonLinesSink
from monitor.sinks.outbox import FILE, Outbox
from monitor.sinks.settings import EmailSettings, Secret, SinkSettings, WebhookSettings
from monitor.sinks.webhook import WebhookSink

KEY = b"a secret of the receiver"


@pytest.fixture
def webhook(receiver, tmp_path):
    """A webhook to the local server, with a key in a file."""
    (tmp_path / "key").write_bytes(KEY + b"\n")
    return WebhookSink(WebhookSettings(receiver.url, Secret("secret", file=f"{tmp_path / 'key'}")), lambda: 1234.5)


def test_a_webhook_is_signed_and_sent_once(webhook, receiver, event, outbox, now):
    found = deliver([event()], {"hook": webhook}, outbox, now)
    assert (found.sent, found.waiting) == (1, 0)
    assert deliver([event()], {"hook": webhook}, outbox, now).sent == 0
    ((headers, body),) = receiver.requests
    assert json.loads(body) == event().to_json()
    expected = hmac.new(KEY, b"1234." + body, hashlib.sha256).hexdigest()
    assert headers["X-Plumbline-Signature"] == f"v1={expected}" and headers["X-Plumbline-Timestamp"] == "1234"
    assert headers["Idempotency-Key"] == event().key


def test_a_failed_event_is_sent_again_later_and_in_order(webhook, receiver, event, outbox, now):
    receiver.answers += [(503, {}), (429, {"Retry-After": "100"})]
    first, second = event("first"), event("second", 2)
    found = deliver([first, second], {"hook": webhook}, outbox, now)
    assert (found.sent, found.waiting) == (0, 2) and "answers 503; next attempt in 10 s" in found.messages[0]
    assert deliver([], {"hook": webhook}, outbox, now + timedelta(seconds=9)).sent == 0
    assert "next attempt in 100 s" in deliver([], {"hook": webhook}, outbox, now + timedelta(seconds=10)).messages[0]
    assert deliver([], {"hook": webhook}, outbox, now + timedelta(seconds=110)).sent == 2
    keys = [headers["Idempotency-Key"] for headers, _ in receiver.requests]
    assert keys == [first.key] * 3 + [second.key]


def test_waiting_times_are_doubled_up_to_the_longest():
    policy = RetryPolicy(10, 100)
    assert [policy.wait(attempts) for attempts in (1, 2, 3, 4, 5, 1000)] == [10, 20, 40, 80, 100, 100]


@pytest.mark.parametrize("status", [400, 404, 410, 302])
def test_an_event_that_is_refused_is_given_up(webhook, receiver, event, outbox, now, status):
    receiver.answers.append((status, {"Location": receiver.url}))
    found = deliver([event(), event("next", 2)], {"hook": webhook}, outbox, now)
    assert (found.sent, found.given_up, found.waiting) == (1, 1, 0)
    assert outbox.given_up() == [("hook", event().key, f"answers {status}")]


def test_an_old_event_is_given_up(webhook, receiver, event, outbox, now):
    receiver.answers += [(503, {})] * 2
    deliver([event()], {"hook": webhook}, outbox, now)
    found = deliver([], {"hook": webhook}, outbox, now + timedelta(hours=72))
    assert (found.given_up, found.waiting) == (1, 0)


def test_a_failing_sink_does_not_hold_up_others(event, outbox, now, tmp_path):
    settings = WebhookSettings("http://127.0.0.1:1/hook", Secret("secret", variable="PLUMBLINE_NO_SUCH_VARIABLE"))
    sinks = {"hook": WebhookSink(settings), "file": JsonLinesSink(tmp_path / "incidents.jsonl")}
    found = deliver([event()], sinks, outbox, now)
    assert (found.sent, found.waiting) == (1, 1)
    assert found.messages == (
        "sink hook: [sinks] secret_variable PLUMBLINE_NO_SUCH_VARIABLE: is not set in the environment; "
        "next attempt in 10 s",
    )
    gone = WebhookSink(WebhookSettings("http://127.0.0.1:1/hook", Secret("secret")))
    assert "cannot be reached" in deliver([], {"hook": gone}, outbox, now + timedelta(hours=1)).messages[0]


_KILLED = """
import os, signal, sys
from datetime import datetime, timezone
from pathlib import Path
from monitor.sinks.delivery import deliver
from monitor.sinks.event import Event
from monitor.sinks.json_lines import JsonLinesSink
from monitor.sinks.outbox import Outbox

class Dies(JsonLinesSink):
    def send(self, event):
        if sys.argv[2] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().send(event)
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
events = [Event(f"flights/{number}/x", "flights", {"number": number}) for number in (1, 2)]
deliver(events, {"file": Dies(folder / "incidents.jsonl")}, Outbox(folder), datetime.now(timezone.utc))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_process_loses_no_event_and_the_file_has_each_once(tmp_path, now, when):
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path), when], env=_environment(), check=False)
    assert killed.returncode == -signal.SIGKILL
    path = tmp_path / "incidents.jsonl"
    with Outbox(tmp_path) as outbox:
        assert outbox.waiting() == 2
        deliver([], {"file": JsonLinesSink(path)}, outbox, now + timedelta(days=999))
        assert outbox.waiting() == 0
    assert [json.loads(line)["incident"]["number"] for line in path.read_text().splitlines()] == [1, 2]


def _environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


def test_a_line_cut_short_is_ended(event, tmp_path):
    path = tmp_path / "incidents.jsonl"
    path.write_text('{"key": "flights/1')
    JsonLinesSink(path).send(event())
    cut, whole = path.read_text().splitlines()
    assert cut == '{"key": "flights/1' and json.loads(whole)["key"] == event().key


def test_the_log_has_a_line_by_level(event, outbox, now, caplog):
    caplog.set_level(logging.INFO)
    sinks = make_sinks(SinkSettings())
    deliver([event(), event("over", 2, state="closed", closed="2026-11-30")], sinks, outbox, now)
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("ERROR", "flights: incident 1 open (severe): dest has moved"),
        ("INFO", "flights: incident 2 closed (severe): over"),
    ]


def test_a_sink_gets_incidents_from_its_level_on(receiver, event, outbox, now):
    settings = SinkSettings(log=False, webhooks={"pager": WebhookSettings(receiver.url, Secret("secret"), "severe")})
    deliver([event(level="moderate"), event("worse", 2)], make_sinks(settings), outbox, now)
    assert [json.loads(body)["incident"]["title"] for _, body in receiver.requests] == ["worse"]
    assert "X-Plumbline-Signature" not in receiver.requests[0][0]


def mail_settings(smtp):
    port = smtp.server_address[1]
    return EmailSettings("127.0.0.1", "plumbline@bank.example", ("a@bank.example", "b@bank.example"), port, "none")


def test_a_mail_is_sent(smtp, event, outbox, now):
    found = deliver([event("dest\nhas moved: Zürich")], {"email": EmailSink(mail_settings(smtp))}, outbox, now)
    assert found.sent == 1
    (mail,) = smtp.mails
    assert len(mail["recipients"]) == 2
    parsed = email.message_from_string(mail["text"], policy=email.policy.default)
    assert parsed["Subject"] == "[flights] severe, open: dest has moved: Zürich"
    assert parsed["X-Plumbline-Key"] == event("dest\nhas moved: Zürich").key
    assert "dest at LAX" in parsed.get_content()


@pytest.mark.parametrize(
    ("command", "answer", "given_up"),
    [("MAIL", "451 later", 0), ("MAIL", "550 no", 1), ("RCPT", "450 later", 0), ("RCPT", "550 unknown", 1)],
)
def test_refused_mails(smtp, event, outbox, now, command, answer, given_up):
    smtp.refusals[command] = answer
    found = deliver([event()], {"email": EmailSink(mail_settings(smtp))}, outbox, now)
    assert (found.sent, found.given_up, found.waiting) == (0, given_up, 1 - given_up)


def test_the_outbox_knows_of_which_incidents_it_has_told(event, outbox, now):
    outbox.put(event(number=12), ("log",), now)
    assert outbox.has_told("flights", 12) and not outbox.has_told("flights", 1) and not outbox.has_told("flight", 12)


def test_a_damaged_outbox_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="cannot be read"):
        Outbox(tmp_path)


def test_a_sent_event_leaves_its_key_only(event, outbox, now, tmp_path):
    deliver([event()], {"file": JsonLinesSink(tmp_path / "lines")}, outbox, now)
    with sqlite3.connect(tmp_path / "monitor" / FILE) as connection:
        assert connection.execute("SELECT key, state, record FROM events").fetchall() == [(event().key, "sent", "")]
