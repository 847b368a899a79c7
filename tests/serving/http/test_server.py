"""A running server: its answers, its limits, and what badly behaved clients get."""

import json
import random
import resource
import socket
import subprocess
import threading
import time

import pytest

from tests.serving.http.running import Server, ask, logged, wait_for

pytestmark = pytest.mark.slow


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def raw(server: Server, message: bytes) -> bytes:
    """Everything that the server sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(message)
        return read_all(connection)


def post(body: bytes, *headers: str) -> bytes:
    head = ["POST /v1/models/flights:predict HTTP/1.1", "host: a", f"content-length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def test_printed_curl_command_works(server: Server) -> None:
    found = subprocess.run(server.curl + " -s", shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert list(json.loads(found.stdout)) == ["predictions"]


def test_answer_names_request_and_version(server: Server) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    found = server.predict(2.5, {"X-Request-Id": "order-7", "traceparent": trace})
    assert found.json() == {"predictions": [{"y": 2.5, "place": -1, "text": "", "factor": "1"}]}
    assert found.headers["x-request-id"] == "order-7"
    assert (found.headers["x-model-version"], found.headers["x-model-label"]) == ("1", "live")
    assert found.headers["traceparent"] == trace
    assert server.predict(1.0, path="/versions/1").headers["x-model-label"] == "direct"
    assert server.predict(1.0, {"X-Request-Id": "a\tb"}).status == 400


def test_the_time_of_the_event_is_logged_and_another_text_is_refused(server: Server) -> None:
    assert server.predict(1.5, {"X-Request-Id": "happened", "X-Event-Time": "2013-12-01T08:00:00-05:00"}).status == 200
    refused = server.predict(1.5, {"X-Event-Time": "yesterday"})
    assert refused.status == 400
    assert refused.json()["error"].startswith("x-event-time: 'yesterday' is no time; send ISO 8601 such as")
    sql = "SELECT epoch(event_time) AS seconds FROM requests WHERE request_id = 'happened'"
    wait_for(lambda: logged(server, sql))
    assert logged(server, sql) == [{"seconds": 1385902800.0}]


def test_calls_of_both_protocols(server: Server) -> None:
    status = server.ask("GET", "/v1/models/flights").json()["model_version_status"]
    assert [(one["version"], one["state"]) for one in status] == [("1", "AVAILABLE")]
    metadata = server.ask("GET", "/v1/models/flights/metadata").json()
    assert metadata["model_spec"] == {"name": "flights", "signature_name": "", "version": "1"}
    infer = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [1, 2]}], "outputs": [{"name": "y"}]}
    answer = server.ask("POST", "/v2/models/flights/infer", infer).json()
    assert answer["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [2], "data": [1.0, 2.0]}]
    columns = server.ask("POST", "/v1/models/flights:predict", {"inputs": {"x": [1, 2]}}).json()
    assert columns["outputs"]["y"] == [1.0, 2.0]
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/v2", "/v2/models/flights/ready"):
        assert server.ask("GET", path).status == 200, path
    document = server.ask("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert any("flights" in path for path in document["paths"])
    for path in (path for path in document["paths"] if "models" not in path):
        answer = server.ask("GET", path)
        declared = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert answer.status == 200 and answer.headers["content-type"].partition(";")[0] in declared, path


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/models/other:predict", {"instances": [{"x": 1}]}, 404, "Servable not found for request: Latest(other)"),
        ("/v1/models/flights/versions/9:predict", {"instances": [{"x": 1}]}, 404, "Specific(flights, 9)"),
        (
            "/v1/models/flights/labels/x:predict",
            {"instances": [{"x": 1}]},
            400,
            "Unrecognized servable version label: x",
        ),
        ("/v1/models/flights:predict", {"instances": [{"x": "a"}]}, 400, "x"),
        ("/v1/models/flights:predict", {"instances": [{"x": -2e9}]}, 400, "x: below the least legal value"),
        ("/v1/models/flights:predict?explain=a", {"instances": [{"x": 1}]}, 400, "explain=a"),
        ("/nothing", {"instances": [{"x": 1}]}, 404, "no such path"),
    ],
)
def test_wrong_requests_get_one_line(server: Server, path: str, body: object, status: int, message: str) -> None:
    found = server.ask("POST", path, body)
    assert found.status == status
    assert message in found.json()["error"]
    assert server.predict(1.0).status == 200


def test_explanation_that_is_not_possible_is_refused_with_the_reason(server: Server) -> None:
    """The model has no output that could be explained; positive cases are in test_explanations.py."""
    body = {"instances": [{"x": 1}]}
    found = server.ask("POST", "/v1/models/flights:predict?explain=3", body)
    assert found.status == 400
    assert "has none of the outputs probability, probabilities, prediction" in found.json()["error"]
    infer = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}
    found = server.ask("POST", "/v2/models/flights/infer?explain=3", infer)
    assert (found.status, found.json()["error"]) == (400, "explain: only predict requests (:predict) can be explained")
    assert server.ask("POST", "/v1/models/flights:predict", body).status == 200


def test_a_wrong_row_fails_its_own_request_only(server: Server) -> None:
    """Requests are computed together; a value that the model refuses must not fail the others."""
    found: list[tuple[float, int, object]] = []

    def send(x: float) -> None:
        answer = server.predict(x)
        found.append((x, answer.status, answer.json()))

    threads = [threading.Thread(target=send, args=(x,)) for x in [1.0, -2e9, 2.0] * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for x, status, answer in found:
        assert status == (400 if x < 0 else 200)
        assert x < 0 or answer["predictions"][0]["y"] == x
    assert len(found) == 30


def test_requests_of_one_connection_are_answered_in_order(server: Server) -> None:
    bodies = [json.dumps({"instances": [{"x": x}]}).encode() for x in range(20)]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"".join(map(post, bodies[:-1])) + post(bodies[-1], "connection: close"))
        text = read_all(connection).decode()
    assert [float(part.split("}")[0]) for part in text.split('"y":')[1:]] == list(range(20))


def test_bodies_in_chunks_and_after_continue(server: Server) -> None:
    body = b'{"instances": [{"x": 4}]}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = b"POST /v1/models/flights:predict HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
    assert b'"y":4.0' in raw(server, head + b"transfer-encoding: chunked\r\n\r\n" + chunks)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(body)
        assert b'"y":4.0' in read_all(connection)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),  # TLS to a server without it
        (b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 70_000 + b"\r\n\r\n", b"431"),
        (b"POST /v1/models/flights:predict HTTP/1.1\r\ncontent-length: 999999\r\n\r\n", b"413"),
        (
            b"POST /v1/models/flights:predict HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
            b"400",
        ),
        (b"POST /v1/models/flights:predict HTTP/1.1\r\ncontent-length: 50\r\n\r\n{", b"408"),  # and nothing more
        (b"POST /v1/mod", b"408"),
    ],
)
def test_connection_of_a_bad_client_gets_one_answer_and_is_closed(
    server: Server, message: bytes, status: bytes
) -> None:
    found = raw(server, message)
    assert found.startswith(b"HTTP/1.1 " + status)
    assert found.count(b"HTTP/1.1 4") == 1


def test_request_to_change_the_protocol_is_answered_without_changing_it(server: Server) -> None:
    upgrade = b"GET /healthz HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"
    found = raw(server, upgrade + b"GET /readyz HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert found.count(b"HTTP/1.1 200") == 2
    assert found.endswith(b"ready\n")


def test_random_bytes_do_no_harm(server: Server) -> None:
    generator = random.Random(5)
    good = post(b'{"instances": [{"x": 1}]}')
    for _ in range(200):
        message = bytearray(good)
        for _ in range(generator.randrange(1, 6)):
            message[generator.randrange(len(message))] = generator.randrange(256)
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(bytes(message))
            connection.shutdown(socket.SHUT_WR)
            found = read_all(connection)
        assert b"HTTP/1.1 5" not in found, bytes(message)
    assert server.predict(1.0).json()["predictions"][0]["y"] == 1.0


def test_5000_open_connections(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 5200:
        pytest.skip(f"this process may open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (5200, hard))
    connections: list[socket.socket] = []
    try:
        for _ in range(5000):
            connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        wait_for(lambda: b"plumbline_open_connections 500" in server.ask("GET", "/metrics").body)
        assert server.predict(1.0).status == 200
        connections[4999].sendall(post(b'{"instances": [{"x": 6}]}', "connection: close"))
        assert b'"y":6.0' in read_all(connections[4999])
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.predict(1.0).status == 200


def test_metrics_count_what_was_answered(server: Server) -> None:
    def count(status: str) -> float:
        lines = server.ask("GET", "/metrics").body.decode().splitlines()
        name = f'plumbline_requests_total{{label="live",model="flights",status="{status}",version="1"}}'
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    good, bad = count("200"), count("400")
    connection = server.connection()
    for x in range(25):
        ask(connection, "POST", "/v1/models/flights:predict", {"instances": [{"x": x}]})
    server.ask("POST", "/v1/models/flights:predict", {"instances": [{"y": 1}]})
    assert (count("200") - good, count("400") - bad) == (25, 1)
    text = server.ask("GET", "/metrics").body.decode()
    assert ':tensorflow:serving:request_count{label="live",model_name="flights",status="OK",version="1"}' in text
    assert "plumbline_canary_share" in text


def test_client_that_does_not_take_its_answer_is_cut_off(server: Server) -> None:
    """A response larger than the buffers of both sides, which the client never reads."""
    rows = json.dumps({"inputs": {"x": [0.1234567] * 7000}}).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(1)
        end, cut_off = time.monotonic() + 60, False
        while not cut_off:
            assert time.monotonic() < end
            try:
                connection.sendall(post(rows))
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                cut_off = True
    assert server.predict(1.0).status == 200
