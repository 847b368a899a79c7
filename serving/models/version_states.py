"""The states of a version, as TensorFlow Serving reports them (apis/get_model_status.proto)."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """State of a version.

    START      the registry asks for it, and it waits for its turn to load
    LOADING    it is being verified, loaded and warmed up
    AVAILABLE  it answers requests
    UNLOADING  it answers the requests that hold it, and no others
    END        it is unloaded, or could not be loaded; then `error_code` is not OK
    """

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True)
class VersionStatus:
    """State of one version.

    Attributes:
      version: Number in the registry.
      state: See State.
      error_code: OK, or a status code of gRPC by name.
      error_message: Why it could not be loaded; "" if error_code is OK.
    """

    version: int
    state: State
    error_code: str = "OK"
    error_message: str = ""
