"""An S3 server in this process: moto with atomic conditional writes and injected failures."""

import io
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.core import responses
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

CHANGES = ("PUT", "POST", "DELETE")
"""HTTP methods that change something."""
CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")
Answer = tuple[int, str]
"""Status and error code of a response in S3's format."""


class S3Server:
    """Listens on loopback.

    Attributes:
      url: For AWS_ENDPOINT_URL.
      before: Called with each request's environ; an Answer is sent instead of what the server would do.
      after: Called once the server has done what was asked; an Answer is sent instead of the true one.
      window: Seconds between looking and writing, for the conditions in `raced`: a store that keeps a condition for
        one writer after the other and not for several at once.
      raced: Of CONDITIONS.
    """

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._one = threading.Lock()  # moto looks whether an object is there, then writes; S3 does both at once
        self.before: Callable[[dict], Answer | None] = lambda environ: None
        self.after: Callable[[dict], Answer | None] = lambda environ: None
        self.window = 0.0
        self.raced: tuple[str, ...] = CONDITIONS
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        if self.window and any(name in environ for name in self.raced) and self._holds(environ):
            time.sleep(self.window)
            for name in self.raced:
                environ.pop(name, None)
        with self._one:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
            instead = self.before(environ)
            if instead is None:
                done = list(self._app(environ, start_response))
                instead = self.after(environ)
                if instead is None:
                    return done
            status, code = instead
            text = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
            start_response(f"{status} ", [("Content-Type", "application/xml")])
            return [text.encode()]

    def _holds(self, environ: dict[str, Any]) -> bool:
        """Whether the condition of a write holds now; it is not checked again when the write happens."""
        head = {**environ, "REQUEST_METHOD": "HEAD", "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}
        conditions = {name: head.pop(name, None) for name in CONDITIONS}
        answers: list[tuple[str, dict[str, str]]] = []
        with self._one:
            list(self._app(head, lambda status, headers, _=None: answers.append((status, dict(headers)))))
        status, headers = answers[-1]
        there = status.startswith("200")
        if conditions["HTTP_IF_NONE_MATCH"]:
            return not there
        etag = {name.lower(): value for name, value in headers.items()}.get("etag", "")
        return there and etag.strip('"') == str(conditions["HTTP_IF_MATCH"]).strip('"')

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def checking_keys(self) -> Iterator[None]:
        """Within this context, unknown access keys are refused."""
        was = responses.settings.INITIAL_NO_AUTH_ACTION_COUNT
        responses.ActionAuthenticatorMixin.request_count = 0
        responses.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        try:
            yield
        finally:
            responses.settings.INITIAL_NO_AUTH_ACTION_COUNT = was


def client(server: S3Server) -> Any:
    """Another client than the one under test."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
