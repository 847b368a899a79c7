"""Method and path of a request -> which call on which model (model_servers/http_rest_api_util.cc, ParseModelInfo).

    GET  /v1/models/MODEL[/versions/N|/labels/LABEL][/metadata]
    POST /v1/models/MODEL[/versions/N|/labels/LABEL]:predict|:classify|:regress
    GET  /v2, /v2/health/live, /v2/health/ready
    GET  /v2/models/MODEL[/versions/N][/ready]
    POST /v2/models/MODEL[/versions/N]/infer

TF Serving ignores case when it matches a path, but compares the matched verb with lower case. So /V1/Models/m:predict
is answered, m:PREDICT is a malformed request, and m/METADATA is the status of the model. The same holds here. Every
other path that begins with /v1/ is a 400 "Malformed request", not a 404. Names may be percent-encoded.
"""

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote_to_bytes

from serving.errors import ServingError, Status, invalid


class Call(Enum):
    """What a request asks for."""

    PREDICT = "predict"
    CLASSIFY = "classify"
    REGRESS = "regress"
    STATUS = "status"
    METADATA = "metadata"
    SERVER = "v2 server metadata"
    LIVE = "v2 server live"
    READY = "v2 server ready"
    MODEL = "v2 model metadata"
    MODEL_READY = "v2 model ready"
    INFER = "v2 infer"


@dataclass(frozen=True)
class Route:
    """A call and what it is for.

    Attributes:
      call: What is asked for.
      model: Name of the model, decoded; "" for calls on the server.
      version: Version that the path names, or None.
      label: Label that the path names, decoded, or None. TF Serving ignores the label of a STATUS call.
    """

    call: Call
    model: str = ""
    version: int | None = None
    label: str | None = None


_FLAGS = re.IGNORECASE | re.ASCII  # ASCII: the long s is no s
_WHICH = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_V1_POST = re.compile(rf"/v1/models/(?P<model>[^/:]+){_WHICH}:(?P<verb>classify|regress|predict)", _FLAGS)
_V1_GET = re.compile(rf"/v1/models(?:/(?P<model>[^/:]+))?{_WHICH}(?:/(?P<verb>metadata))?", _FLAGS)
_V1 = re.compile(r"/v1/.*", _FLAGS | re.DOTALL)
_V2_MODEL = re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[0-9]+))?(?:/(?P<verb>ready|infer))?")
_SERVER = {"/v2": Call.SERVER, "/v2/health/live": Call.LIVE, "/v2/health/ready": Call.READY}
_LARGEST_VERSION = 2**63 - 1
_PATH_SHOWN = 256


def parse_path(method: str, path: str) -> Route:
    """Returns what a request asks for.

    Args:
      method: GET, POST, ...
      path: Path as it was sent, percent-encoded, without the query.

    Raises:
      ServingError: 400: it begins with /v1/ and is no call, or the method is not the one of the call, or the version
        or the encoding of a name is wrong; 404: any other path.
    """
    if _V1.fullmatch(path):
        return _v1(method, path)
    path = path if path == "/" else path.removesuffix("/")
    if path in _SERVER:
        return Route(_checked(_SERVER[path], method, path))
    match = _V2_MODEL.fullmatch(path)
    if match is None:
        raise ServingError(Status.NOT_FOUND, f"no such path: {path[:_PATH_SHOWN]}")
    calls = {None: Call.MODEL, "ready": Call.MODEL_READY, "infer": Call.INFER}
    call = _checked(calls[match["verb"]], method, path)
    return Route(call, _decoded(match["model"], "model name"), _version(match["version"]))


def _v1(method: str, path: str) -> Route:
    match = {"GET": _V1_GET, "POST": _V1_POST}[method].fullmatch(path) if method in ("GET", "POST") else None
    if match is None or (method == "POST" and not match["verb"].islower()):
        raise invalid(f"Malformed request: {method} {path[:_PATH_SHOWN]}")
    if not match["model"]:
        raise invalid("Missing model name in request.")
    verb = match["verb"] if method == "POST" or match["verb"] == "metadata" else "status"
    label = match["label"]
    return Route(
        Call(verb),
        _decoded(match["model"], "model name"),
        _version(match["version"]),
        None if label is None else _decoded(label, "model version label"),
    )


def _checked(call: Call, method: str, path: str) -> Call:
    needed = "POST" if call is Call.INFER else "GET"
    if method != needed:
        raise invalid(f"Malformed request: {method} {path[:_PATH_SHOWN]}; this path needs {needed}")
    return call


def _version(digits: str | None) -> int | None:
    if digits is None:
        return None
    if len(digits) > len(str(_LARGEST_VERSION)) + _PATH_SHOWN or int(digits) > _LARGEST_VERSION:
        raise invalid(f"Failed to convert version: {digits[:_PATH_SHOWN]} to numeric.")
    return int(digits)


def _decoded(name: str, what: str) -> str:
    try:
        return unquote_to_bytes(name).decode()
    except UnicodeError:
        raise invalid(f"Failed to decode {what}:{name[:_PATH_SHOWN].encode(errors='replace').decode()}") from None
