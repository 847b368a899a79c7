"""`plumbline serve`."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from pipeline.cli.arguments import Commands, add_command, add_root
from pipeline.process.standard_streams import say

if TYPE_CHECKING:
    from pipeline.settings.config import Config
    from serving.http.pages import PageSource
    from serving.http.supervisor import Ready
    from serving.settings import ServedDataset, ServerSettings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_PORT = 8501
"""TensorFlow Serving's port of its REST API."""
MEGABYTE = 1_000_000


def add_parsers(commands: Commands) -> None:
    """Adds `serve`."""
    parser = add_command(
        commands,
        "serve",
        serve,
        help="serve the models of the registry",
        description="Starts a model server with the REST API of TensorFlow Serving and the Open Inference Protocol, "
        "and prints a curl command that works. A pushed, promoted or rolled-back version of the registry answers "
        "within a second, without a failed request. Ends with Ctrl-C, after the running requests.",
        examples=("plumbline serve --dataset flights", "plumbline serve --dataset flights --port 8080 --workers 2"),
    )
    parser.add_argument(
        "--dataset", metavar="NAME", action="append", required=True, help="dataset to serve; may be given several times"
    )
    parser.add_argument(
        "--registry", metavar="DIR", default="", help="folder or URL of the registry (default: [registry] directory)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port (default: 8501; 0: any free port)")
    parser.add_argument("--workers", type=int, default=1, help="server processes; each loads every model (default: 1)")
    parser.add_argument("--no-log", action="store_true", help="do not write a request log")
    parser.add_argument("--no-dashboard", action="store_true", help="do not serve the page /dashboard")
    access = parser.add_argument_group("access")
    token = access.add_mutually_exclusive_group()
    token.add_argument("--token-file", metavar="FILE", default="", help="file with a bearer token that requests need")
    token.add_argument(
        "--token-variable", metavar="NAME", default="", help="environment variable with the bearer token"
    )
    access.add_argument(
        "--dashboard-changes",
        action="store_true",
        help="let readers of /dashboard who sign in with the token promote and roll back versions",
    )
    access.add_argument("--tls-certificate", metavar="FILE", default="", help="certificate chain for TLS, PEM")
    access.add_argument("--tls-key", metavar="FILE", default="", help="private key of the certificate, PEM")
    add_root(parser)


def serve(parsed: argparse.Namespace) -> int:
    """Serves until a signal; exit code 128 plus its number."""
    from pipeline.cli.version import plumbline_version
    from serving.http.supervisor import Supervisor

    if not 0 <= parsed.port <= 65535:
        raise UsageError(f"--port {parsed.port}: must be between 0 and 65535")
    if not 1 <= parsed.workers <= 256:
        raise UsageError(f"--workers {parsed.workers}: must be between 1 and 256")
    names = list(dict.fromkeys(parsed.dataset))
    if parsed.registry and len(names) > 1:
        raise UsageError(
            "--registry: is the registry of one dataset; start a server for each, or set [registry] directory"
        )
    configs = [_config(name) for name in names]
    datasets = [_served(config, parsed) for config in configs]
    settings = _settings(configs[0], parsed)
    _check_dashboard(parsed, settings)
    if parsed.host not in LOOPBACK and not (settings.token_file or settings.token_variable):
        say(
            f"plumbline: warning: --host {parsed.host} lets other machines send requests without a token (--token-file)"
        )
    say(f"Loading {', '.join(names)} ...")
    cache = parsed.root.resolve() / names[0] / "serving-cache"
    pages = None if parsed.no_dashboard else _dashboard(datasets, parsed)
    server = Supervisor(datasets, settings, cache, plumbline_version(), say, pages)
    number = server.run(lambda ready: _announce(ready, settings, dashboard=pages is not None))
    say("plumbline: the server has ended")
    return 128 + number


def _config(name: str) -> "Config":
    from pipeline.settings.config import find_config, load_config

    return load_config(find_config(name))


def _served(config: "Config", parsed: argparse.Namespace) -> "ServedDataset":
    """One model, checked: there has to be a live version."""
    from components.registry.registry import Registry
    from pipeline.settings.config import registry_folder
    from serving.settings import ServedDataset

    name = config.dataset.name
    location = parsed.registry or registry_folder(config, parsed.root)
    registry = Registry(location)
    labels = registry.labels()
    if labels is None or labels.live is None:
        raise UsageError(
            f"{registry.where}: has no live version; `plumbline run --dataset {name}` trains and pushes one"
        )
    registry.location(labels.live)
    log = None if parsed.no_log else Path(parsed.root).resolve() / name / "requests"
    return ServedDataset(name, str(location), log, config.request_log.settings())


def _settings(config: "Config", parsed: argparse.Namespace) -> "ServerSettings":
    from serving.settings import ServerSettings

    section = config.serving
    return ServerSettings(
        host=parsed.host,
        port=parsed.port,
        workers=parsed.workers,
        key_header=section.key_header.lower(),
        key_input=section.key_input,
        time_header=section.time_header.lower(),
        max_body_bytes=int(section.max_body_mb * MEGABYTE),
        max_rows=section.max_rows,
        max_in_flight=section.max_in_flight,
        max_connections=section.max_connections,
        request_seconds=section.request_seconds,
        receive_seconds=section.receive_seconds,
        idle_seconds=section.idle_seconds,
        drain_seconds=section.drain_seconds,
        batch_rows=section.batch_rows,
        poll_seconds=section.poll_seconds,
        token_file=parsed.token_file,
        token_variable=parsed.token_variable,
        tls_certificate=parsed.tls_certificate,
        tls_key=parsed.tls_key,
    )


def _check_dashboard(parsed: argparse.Namespace, settings: "ServerSettings") -> None:
    if not parsed.dashboard_changes:
        return
    if parsed.no_dashboard:
        raise UsageError("--dashboard-changes: needs the dashboard; leave out --no-dashboard")
    if not (settings.token_file or settings.token_variable):
        raise UsageError("--dashboard-changes: needs a bearer token that readers sign in with; add --token-file FILE")


def _dashboard(datasets: "list[ServedDataset]", parsed: argparse.Namespace) -> "PageSource":
    """The dashboard, which each worker imports by name: the server's code does not know the monitor's."""
    from serving.http.pages import PageSource

    root = Path(parsed.root).resolve()
    recorder = [sys.executable, "-m", "pipeline.cli.decision_recorder", "--root", str(root), "--dataset"]
    places = [
        {
            "name": one.name,
            "home": str(root / one.name),
            "registry": one.registry if "://" in one.registry else str(Path(one.registry).resolve()),
            # Another registry than that of the settings has no record there.
            "recorder": [] if parsed.registry else [*recorder, one.name],
        }
        for one in datasets
    ]
    options = {"datasets": places, "changes": parsed.dashboard_changes, "secure": bool(parsed.tls_certificate)}
    return PageSource("monitor.dashboard.app:create", options)


def _announce(ready: "Ready", settings: "ServerSettings", *, dashboard: bool) -> None:
    """Prints a curl command for each model."""
    if dashboard:
        say(f"Dashboard: {ready.scheme}://{ready.address}/dashboard")
    say(f"Serving at {ready.scheme}://{ready.address} (stop with Ctrl-C). Try:")
    for model, row in ready.examples.items():
        print(curl_line(ready, model, row, settings), flush=True)


def curl_line(ready: "Ready", model: str, row: Any, settings: "ServerSettings") -> str:
    """Returns a curl command that predicts one row."""
    body = json.dumps({"instances": [row]}, ensure_ascii=False)
    parts = ["curl"]
    if ready.scheme == "https":
        parts += ["--cacert", settings.tls_certificate]
    if settings.token_file:
        parts += ["-H", f"Authorization: Bearer $(cat {shlex.quote(settings.token_file)})"]
    elif settings.token_variable:
        parts += ["-H", f"Authorization: Bearer ${settings.token_variable}"]
    quoted = [f'"{part}"' if "$" in part else shlex.quote(part) for part in parts]
    url = f"{ready.scheme}://{ready.address}/v1/models/{model}:predict"
    return " ".join([*quoted, "-d", shlex.quote(body), shlex.quote(url)])
