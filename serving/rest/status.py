"""GET /v1/models/MODEL: states of the versions, as TF Serving's GetModelStatusResponse in JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

from serving.rest.json_writer import dumps


@dataclass(frozen=True)
class VersionStatus:
    """State of one version (apis/get_model_status.proto).

    Attributes:
      version: Version number.
      state: START, LOADING, AVAILABLE, UNLOADING or END. END without AVAILABLE before it: the version failed.
      error_code: OK, or gRPC's name of the error, such as FAILED_PRECONDITION; a member of `errors.Status` or OK.
      error_message: Why it failed; "" if it did not.
    """

    version: int
    state: str
    error_code: str = "OK"
    error_message: str = ""


def encode_status(versions: Iterable[VersionStatus]) -> bytes:
    """Writes the states, the highest version first, as TF Serving does; versions are strings, as in proto3 JSON."""
    return dumps(
        {
            "model_version_status": [
                {
                    "version": str(one.version),
                    "state": one.state,
                    "status": {"error_code": one.error_code, "error_message": one.error_message},
                }
                for one in sorted(versions, key=lambda one: one.version, reverse=True)
            ]
        }
    )
