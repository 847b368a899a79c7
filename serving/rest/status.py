"""GET /v1/models/MODEL: states of the versions, as TF Serving's GetModelStatusResponse in JSON."""

from collections.abc import Iterable

from serving.models.version_states import VersionStatus
from serving.rest.json_writer import dumps


def encode_status(versions: Iterable[VersionStatus]) -> bytes:
    """Writes the states, the highest version first, as TF Serving does; versions are strings, as in proto3 JSON."""
    return dumps(
        {
            "model_version_status": [
                {
                    "version": str(one.version),
                    "state": one.state.value,
                    "status": {"error_code": one.error_code, "error_message": one.error_message},
                }
                for one in sorted(versions, key=lambda one: one.version, reverse=True)
            ]
        }
    )
