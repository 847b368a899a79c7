"""Errors that a client of the model server gets as `{"error": "message"}`.

    ServingError(status, message)    one class; `status` tells the kinds apart, as in gRPC and TensorFlow Serving

They are not among the errors of components/shared/errors.py, which end a command with an exit code.
"""

import json
from enum import Enum


class Status(Enum):
    """Status codes of gRPC that a request can end with."""

    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    UNAUTHENTICATED = "UNAUTHENTICATED"

    @property
    def http(self) -> int:
        """The HTTP status code, as TF Serving maps it (model_servers/http_server.cc, ToHTTPStatusCode)."""
        return _HTTP.get(self, 500)


_HTTP = {
    Status.CANCELLED: 499,
    Status.INVALID_ARGUMENT: 400,
    Status.DEADLINE_EXCEEDED: 504,
    Status.NOT_FOUND: 404,
    Status.ALREADY_EXISTS: 409,
    Status.PERMISSION_DENIED: 403,
    Status.RESOURCE_EXHAUSTED: 429,
    Status.FAILED_PRECONDITION: 400,
    Status.ABORTED: 409,
    Status.OUT_OF_RANGE: 400,
    Status.UNIMPLEMENTED: 501,
    Status.UNAVAILABLE: 503,
    Status.UNAUTHENTICATED: 401,
}


class ServingError(Exception):
    """A request that cannot be answered.

    Attributes:
      status: What kind of error it is.
      message: One line for the client: what is wrong, and where in the request.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def http_status(self) -> int:
        """The HTTP status code of the answer."""
        return self.status.http

    def body(self) -> bytes:
        """The body of the answer, JSON."""
        return json.dumps({"error": self.message}, ensure_ascii=False).encode(errors="replace")


def invalid(message: str) -> ServingError:
    """Returns the error of a request that is wrong in itself, 400."""
    return ServingError(Status.INVALID_ARGUMENT, message)


def servable_not_found(model: str, version: int | None = None) -> ServingError:
    """Returns the error of a model, or of a version of it, that is not loaded, 404 (core/basic_manager.cc)."""
    request = f"Latest({model})" if version is None else f"Specific({model}, {version})"
    return ServingError(Status.NOT_FOUND, f"Servable not found for request: {request}")


def version_status_not_found(model: str, version: int | None = None) -> ServingError:
    """Returns the error of GET /v1/models/MODEL if the server does not know it, 404 (get_model_status_impl.cc)."""
    sought = "any versions" if version is None else f"version {version}"
    return ServingError(Status.NOT_FOUND, f"Could not find {sought} of model {model}")


def unknown_label(label: str) -> ServingError:
    """Returns the error of a label that no version has: 400, not 404 (server_core.cc, GetModelVersionForLabel)."""
    return invalid(f"Unrecognized servable version label: {label}")
