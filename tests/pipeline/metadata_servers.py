"""Real database servers for the tests: Debian's, on a loopback port, with a data folder of their own, gone at the end.

Neither server runs as root, so where the tests do (CI's container), both are started as `nobody`.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

USER, PASSWORD, DATABASE = "plumbline", "not-in-any-file", "plumbline_metadata"
PACKAGES = {"postgresql": "postgresql", "mysql": "mariadb-server-core mariadb-client-core"}


@dataclass(frozen=True)
class Server:
    """A running server. `kind` is what [metadata] of pipeline.toml calls it."""

    kind: str
    port: int
    host: str = "127.0.0.1"


@contextmanager
def postgresql() -> Iterator[Server]:
    """PostgreSQL with the role `plumbline`, who may make databases and has to give a password."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs:
        _missing("postgresql")
    with _folder() as folder:
        (folder / "password").write_text(PASSWORD)
        _give(folder)
        _done(
            [
                str(programs[-1] / "initdb"),
                f"--pgdata={folder / 'data'}",
                f"--username={USER}",
                f"--pwfile={folder / 'password'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]
        )
        port = _free_port()
        command = [
            str(programs[-1] / "postgres"),
            f"-D{folder / 'data'}",
            f"-p{port}",
            "-clisten_addresses=127.0.0.1",
            f"-cunix_socket_directories={folder}",
            "-cfsync=off",
        ]
        with _serving(command, folder, port, signal.SIGINT):  # SIGINT is a fast shutdown
            yield Server("postgresql", port)


@contextmanager
def mariadb() -> Iterator[Server]:
    """MariaDB, which speaks MySQL's protocol, with the user `plumbline`, who has to give a password."""
    daemon = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if daemon is None or install is None:
        _missing("mysql")
    with _folder() as folder:
        _give(folder)
        data = f"--datadir={folder / 'data'}"
        _done([install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"])
        (folder / "users.sql").write_text(
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1';\nFLUSH PRIVILEGES;\n"
        )
        port = _free_port()
        command = [
            daemon,
            "--no-defaults",
            data,
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}",
            f"--init-file={folder / 'users.sql'}",
        ]
        with _serving(command, folder, port, signal.SIGTERM):
            yield Server("mysql", port)


SERVERS = {"postgresql": postgresql, "mysql": mariadb}


def _missing(kind: str) -> None:
    reason = f"no {kind} server here; as root: apt-get install {PACKAGES[kind]}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _folder() -> Iterator[Path]:
    # Not tmp_path: that lies in a folder which only the tests' own user may enter. And a socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
        yield Path(folder)


def _as_nobody() -> dict[str, object]:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _give(folder: Path) -> None:
    """Hands a folder to the user that the server runs as."""
    (folder / "data").mkdir()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (folder, *folder.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _done(command: list[str]) -> None:
    result = subprocess.run(command, cwd="/", capture_output=True, text=True, **_as_nobody())
    assert result.returncode == 0, result.stdout + result.stderr


@contextmanager
def _serving(command: list[str], folder: Path, port: int, stop: signal.Signals) -> Iterator[None]:
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd="/", stdout=output, stderr=output, **_as_nobody())
    try:
        _wait_for(server, port, log)
        yield
    finally:
        server.send_signal(stop)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(server: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
