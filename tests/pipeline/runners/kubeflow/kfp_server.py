"""An HTTP server on loopback that answers as Kubeflow Pipelines' API v2beta1 does; what asks it is kfp's own client.

It keeps what it is given, and checks a pipeline as far as the real one's API server does before Argo: it must parse as
PipelineSpec and PlatformSpec, and hold containers only.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse


class KfpServer(ThreadingHTTPServer):
    """State of the server.

    `token` is asked for if set. `states` are what a run answers, one after the other; before that, as many questions
    for it as `away` says are answered by 503.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = ""
        self.states = ["RUNNING", "SUCCEEDED"]
        self.failed_step: tuple[str, str] | None = None
        self.refuse = ""
        self.away = 0
        self.login_page = False
        self.experiments: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.recurring: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving() -> Iterator[KfpServer]:
    """Serves until the block ends."""
    server = KfpServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: KfpServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if not self._may():
            return
        path = urlparse(self.path).path.removeprefix("/apis/v2beta1/")
        if path == "healthz":
            self._answer({"multi_user": False})
        elif path == "experiments":
            self._answer({"experiments": self.server.experiments})
        elif path == "recurringruns":
            self._answer({"recurringRuns": self.server.recurring})
        elif path.startswith("runs/") and self.server.away:
            self.server.away -= 1
            self._error(503, "no healthy upstream")
        elif path.startswith("runs/"):
            (run,) = [run for run in self.server.runs if run["run_id"] == path.removeprefix("runs/")]
            if self.server.states:
                run["state"] = self.server.states.pop(0)
            if run["state"] == "FAILED" and self.server.failed_step:
                step, message = self.server.failed_step
                driver = {"display_name": "root-driver", "state": "FAILED", "error": {"message": "child failed"}}
                task = {"display_name": step, "state": "FAILED", "error": {"message": message}}
                run["run_details"] = {"task_details": [driver, task]}
            self._answer(run)
        else:
            self._error(404, "Not Found")

    def do_POST(self) -> None:
        if not self._may():
            return
        path = urlparse(self.path).path.removeprefix("/apis/v2beta1/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if path == "experiments":
            self._answer(self._kept(self.server.experiments, "experiment_id", body))
        elif path in ("runs", "recurringruns"):
            if refusal := self.server.refuse or self._refusal(body["pipeline_spec"]):
                self._error(400, refusal)
            elif path == "runs":
                self._answer(self._kept(self.server.runs, "run_id", body | {"state": "PENDING"}))
            else:
                self._answer(self._kept(self.server.recurring, "recurring_run_id", body))
        else:
            self._error(404, "Not Found")

    def do_DELETE(self) -> None:
        wanted = urlparse(self.path).path.rpartition("/")[2]
        self.server.recurring = [one for one in self.server.recurring if one["recurring_run_id"] != wanted]
        self._answer({})

    @staticmethod
    def _refusal(given: dict[str, Any]) -> str:
        from google.protobuf import json_format
        from kfp.pipeline_spec import pipeline_spec_pb2

        try:
            spec = json_format.ParseDict(given.get("pipeline_spec", given), pipeline_spec_pb2.PipelineSpec())
            json_format.ParseDict(given.get("platform_spec", {}), pipeline_spec_pb2.PlatformSpec())
        except json_format.ParseError as exc:
            return f"invalid pipeline spec: {exc}"
        executors = json_format.MessageToDict(spec)["deploymentSpec"]["executors"]
        strange = [label for label, executor in executors.items() if "container" not in executor]
        return f"executor {strange[0]}: not implemented" if strange else ""

    @staticmethod
    def _kept(kept: list[dict[str, Any]], key: str, body: dict[str, Any]) -> dict[str, Any]:
        made = body | {key: f"{key}-{len(kept) + 1}"}
        kept.append(made)
        return made

    def _may(self) -> bool:
        if self.server.login_page:
            self._send(200, b"<html>Log in</html>", "text/html")
            return False
        if self.server.token and self.headers.get("authorization") != f"Bearer {self.server.token}":
            self._error(401, "Request not authenticated")
            return False
        return True

    def _error(self, status: int, message: str) -> None:
        body = {"error": f"Failed: {message}", "code": 3, "message": f"Failed: {message}", "details": []}
        self._answer(body, status)

    def _answer(self, body: Any, status: int = 200) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
