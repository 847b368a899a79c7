"""Connects to the Kubeflow Pipelines API with kfp's client, and converts its errors to one-line messages."""

import contextlib
import io
import json
import os
import warnings
from collections.abc import Iterator
from typing import Any

from components.shared.errors import PlumblineError, UsageError

SECONDS = 30.0
"""Timeout of a request in seconds."""


class Unreachable(UsageError):
    """The server cannot be reached."""


class ServerFailed(PlumblineError):
    """The server reports an error of its own, such as a 5xx status."""


def connect_client(host: str, namespace: str = "", token: str = "") -> Any:
    """Connects to a server.

    Args:
      host: URL of the API; "" is the API of the cluster in which this process runs.
      namespace: The user's namespace in multi-user Kubeflow; "" otherwise.
      token: Bearer token; "" for none.

    Returns:
      A `kfp.Client`.

    Raises:
      UsageError: The server cannot be reached, is not KFP, or refuses the token.
    """
    where = host or "the cluster's own API"
    with converted_errors(where), quiet():
        import kfp

        if host:
            _check_health(host, token)  # kfp.Client would retry for 30 s and then report only "timeout"
        return kfp.Client(host=host or None, existing_token=token or None, namespace=namespace or "kubeflow")


def _check_health(host: str, token: str) -> None:
    """Requests the server's health; raises kfp_server_api's errors, and ValueError for a response that is not JSON."""
    import kfp_server_api  # type: ignore[import-untyped]

    settings = kfp_server_api.Configuration(host=host)
    if token:
        settings.api_key["authorization"] = token
        settings.api_key_prefix["authorization"] = "Bearer"
    health = kfp_server_api.HealthzServiceApi(kfp_server_api.ApiClient(settings))
    _, _, headers = health.healthz_service_get_healthz_with_http_info(_request_timeout=SECONDS)
    # The client would accept any web page as an empty response, and report a run without id as submitted.
    kind = headers.get("Content-Type", "nothing")
    if not kind.startswith("application/json"):
        raise ValueError(f"{kind} instead of JSON")


@contextlib.contextmanager
def converted_errors(where: str) -> Iterator[None]:
    """Converts exceptions of kfp's client to UsageError or ServerFailed with the server's message.

    Args:
      where: The server, for messages.
    """
    import urllib3
    from kfp_server_api import ApiException

    try:
        yield
    except ApiException as exc:
        raise _refused(where, exc) from exc
    except urllib3.exceptions.LocationParseError as exc:
        raise UsageError(f"{where}: is no URL; write it as http://host:port") from exc
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise Unreachable(
            f"{where}: the Kubeflow Pipelines API cannot be reached ({_short(str(reason))}); check the address and the "
            "port-forward"
        ) from exc
    except (TypeError, ValueError, AttributeError) as exc:
        # A response that is not the API's JSON, such as a login page, raises various exceptions in the client.
        raise UsageError(
            f"{where}: the response is not that of the Kubeflow Pipelines API v2beta1 ({_short(str(exc))}); if it is a "
            "login page, name the variable with a token in [kubeflow] token_variable"
        ) from exc


def _refused(where: str, exc: Any) -> PlumblineError:
    try:
        body = json.loads(exc.body)
        message = body.get("message") or body.get("error") or exc.body
        # `message` repeats the inner error once for each layer; `details` contains it once.
        details = [detail.get("externalErrorMessage") for detail in body.get("details", []) if isinstance(detail, dict)]
        message = next(filter(None, details), message)
    except (TypeError, ValueError, AttributeError):
        message = exc.reason or exc.body or ""
    message = _short(str(message))
    if exc.status in (401, 403):
        return UsageError(
            f"{where}: refuses these credentials ({exc.status}: {message}); put a valid token into the "
            "variable that [kubeflow] token_variable names, and check the namespace"
        )
    if exc.status == 404:
        return UsageError(f"{where}: not found ({message}); check that this is the Kubeflow Pipelines API v2beta1")
    if exc.status == 400:
        return UsageError(f"{where}: refuses the pipeline: {message}")
    return ServerFailed(f"{where}: failed ({exc.status}): {message}; try again, or read the log of ml-pipeline")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 600 else f"{line[:600]} ..."


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppresses links and warnings that kfp's client prints to stdout."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def host_of(given: str | None, setting: str) -> str:
    """Returns the server's URL.

    Args:
      given: Option --host; takes precedence.
      setting: [kubeflow] host; then kfp's variable KF_PIPELINES_ENDPOINT is used.

    Returns:
      The URL; "" inside a cluster, for the cluster's own API.

    Raises:
      UsageError: No server is named.
    """
    host = given or setting or os.environ.get("KF_PIPELINES_ENDPOINT", "")
    if not host and "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise UsageError("no server; set --host, [kubeflow] host or KF_PIPELINES_ENDPOINT, such as http://host:port")
    if host and not host.startswith(("http://", "https://")):
        host = f"http://{host}"
    return host.rstrip("/")
