"""Kubeflow Pipelines' API, through kfp's client; whatever goes wrong there becomes one line for a person."""

import contextlib
import io
import json
import os
import warnings
from collections.abc import Iterator
from typing import Any

from components.shared.errors import PlumblineError, UsageError

SECONDS = 30.0
"""How long a request may take before the server counts as gone."""


class Unreachable(UsageError):
    """Nobody answers."""


class ServerFailed(PlumblineError):
    """The server answers that it cannot do it just now."""


def connect(host: str, namespace: str = "", token: str = "") -> Any:
    """Client of a server that answers.

    Args:
      host: URL of the API; "" inside a cluster is the cluster's own.
      namespace: Of the user, where Kubeflow has several; "" otherwise.
      token: Bearer token; "" for none.

    Raises:
      UsageError: There is no server, it is another kind of server, or it refuses the token.
    """
    where = host or "the cluster's own API"
    with answers(where), quiet():
        import kfp

        if host:
            _ask(host, token)  # the client's own question is repeated for half a minute, and then says "timeout"
        return kfp.Client(host=host or None, existing_token=token or None, namespace=namespace or "kubeflow")


def _ask(host: str, token: str) -> None:
    """Asks whether the server is well; raises what kfp_server_api does, and ValueError for another kind of answer."""
    import kfp_server_api  # type: ignore[import-untyped]

    settings = kfp_server_api.Configuration(host=host)
    if token:
        settings.api_key["authorization"] = token
        settings.api_key_prefix["authorization"] = "Bearer"
    health = kfp_server_api.HealthzServiceApi(kfp_server_api.ApiClient(settings))
    _, _, headers = health.healthz_service_get_healthz_with_http_info(_request_timeout=SECONDS)
    # The client takes any page for an answer without contents, and a run without an id for submitted.
    kind = headers.get("Content-Type", "nothing")
    if not kind.startswith("application/json"):
        raise ValueError(f"{kind} instead of JSON")


@contextlib.contextmanager
def answers(where: str) -> Iterator[None]:
    """Turns what kfp's client raises into a UsageError that says what the server said."""
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
            f"{where}: no Kubeflow Pipelines API can be reached there ({_short(str(reason))}); is the address right, "
            "or a port-forward missing?"
        ) from exc
    except (TypeError, ValueError, AttributeError) as exc:
        # What is no JSON of the API, such as a login page, breaks the client wherever it happens to look first.
        raise UsageError(
            f"{where}: answers, but not as the Kubeflow Pipelines API v2beta1 does ({_short(str(exc))}); is it a login "
            "page? [kubeflow] token_variable names the variable with a token"
        ) from exc


def _refused(where: str, exc: Any) -> PlumblineError:
    try:
        body = json.loads(exc.body)
        message = body.get("message") or body.get("error") or exc.body
        # The backend repeats an inner error in each layer around it; details carry the plain one.
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
        return UsageError(f"{where}: does not know this request ({message}); is it the Kubeflow Pipelines API v2beta1?")
    if exc.status == 400:
        return UsageError(f"{where}: refuses the pipeline: {message}")
    return ServerFailed(f"{where}: failed ({exc.status}): {message}; try again, or look at ml-pipeline's log")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 600 else f"{line[:600]} ..."


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps kfp's client from printing links and warnings among our data."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def host_of(given: str | None, setting: str) -> str:
    """The server's URL: given, set, or from kfp's own variable; "" inside a cluster. UsageError if there is none."""
    host = given or setting or os.environ.get("KF_PIPELINES_ENDPOINT", "")
    if not host and "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise UsageError("which server? --host, [kubeflow] host or KF_PIPELINES_ENDPOINT says it, as http://host:port")
    if host and not host.startswith(("http://", "https://")):
        host = f"http://{host}"
    return host.rstrip("/")
