"""Records: the rows of one or more answered requests, as the server hands them to the request log.

`Request log schema`, version 1. A row of the log is one row (instance) of a request:

    request_id        string     as the client sent it, or as the server generated it; data only, never part of a path
    row               int32      position within the request, from 0
    time              timestamp  when the request arrived; microseconds, UTC
    event_time        timestamp  when it happened, as the client said; microseconds, UTC; null if it did not, and absent
                                 from files in which no request did
    model             string     name of the model
    version           int64      version that answered
    label             string     "live", "baseline" (a part of live), "canary" or "shadow": the row's arm; "direct": the
                                 request named its version, so that the row is in no comparison of arms
    status            int32      HTTP status code; rows of failed requests are kept, and may have no features or outputs
    latency           double     seconds from arrival to the answer; the same for all rows of a request
    feature_<column>  any        one column for each feature, by its column name in the dataset's schema
    output_<name>     any        one column for each output of the model's signature

NumPy types become Arrow types: floating, integer and boolean as they are; objects of bytes or str become binary, since
nothing guarantees that they are UTF-8. Shape (N, 1) is stored as (N,); (N, k) becomes a list of k values. NaN stays
NaN; a masked element of a masked array and None in an object array are null. A column that a row's request did not
have is null.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from components.shared.errors import InputError

SCHEMA_VERSION = 1
"""Version of the request log schema; changes when a column changes its meaning, not when a feature is added."""

FEATURE = "feature_"
OUTPUT = "output_"

Label = Literal["live", "baseline", "canary", "shadow", "direct"]
LABELS: tuple[Label, ...] = ("live", "baseline", "canary", "shadow", "direct")

FIXED = ("request_id", "row", "time", "model", "version", "label", "status", "latency")
"""Columns that every row has."""

NO_EVENT_TIME = -(2**63)
"""Event time of a row without one."""

_OVERHEAD = 200
"""Bytes that a Records object and its queue entry need besides its values."""
_OBJECT = 56
"""Bytes of an element of an object array besides its text: pointer, header of the bytes object."""


def check_schema_version(where: str, version: int) -> None:
    """Raises InputError for rows of a newer request log schema, whose columns may have another meaning."""
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{where}: was written by a newer version of Plumbline (request log schema {version}, this one knows "
            f"{SCHEMA_VERSION}); use that version"
        )


@dataclass(frozen=True)
class Records:
    """N rows answered by one version of one model for one arm.

    A record of one request gives `request_id`, `time`, `latency` and `status` once; a record of a micro-batch of
    several requests gives a sequence of N values for each that differs. The log keeps references to the arrays: do not
    change them afterwards.
    """

    model: str
    version: int
    label: Label
    request_id: str | Sequence[str]
    """Request id, or N request ids."""
    time: "int | np.ndarray"
    """Arrival of the request: microseconds since 1970-01-01 UTC; int64 (N,) if it differs between rows."""
    latency: "float | np.ndarray"
    """Seconds; float64 (N,) if it differs between rows."""
    status: "int | np.ndarray" = 200
    """HTTP status code; integers (N,) if it differs between rows."""
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Column name -> array (N,), (N, 1) or (N, k, …)."""
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Output name -> array (N,), (N, 1) or (N, k, …)."""
    row: "np.ndarray | None" = None
    """Position within the request, int32 (N,); None is 0, 1, …, N - 1: a record of one request."""
    count: int = -1
    """N; -1 is the length of the first feature or output, and 1 if there are none (a request that failed)."""
    event_time: "int | np.ndarray | None" = None
    """When it happened, as the client said: microseconds since 1970-01-01 UTC; int64 (N,) with NO_EVENT_TIME for none
    if it differs between rows."""
    size: int = -1
    """Approximate bytes of memory that the values take, such as the length of the request's body; -1 counts them, which
    takes some microseconds."""

    def __len__(self) -> int:
        if self.count >= 0:
            return self.count
        for columns in (self.features, self.outputs):
            for array in columns.values():
                return int(array.shape[0])
        return 1 if isinstance(self.request_id, str) else len(self.request_id)

    def of_rows(self, mask: np.ndarray) -> "Records":
        """Returns the rows where a mask, boolean (N,), is true."""
        kept = np.flatnonzero(mask).tolist()

        def chosen(value: Any) -> Any:
            return value[kept] if isinstance(value, np.ndarray) and value.ndim else value

        ids = self.request_id if isinstance(self.request_id, str) else [self.request_id[index] for index in kept]
        row = np.arange(len(self), dtype=np.int32) if self.row is None else self.row
        return replace(
            self,
            request_id=ids,
            time=chosen(self.time),
            latency=chosen(self.latency),
            status=chosen(self.status),
            features={name: chosen(array) for name, array in self.features.items()},
            outputs={name: chosen(array) for name, array in self.outputs.items()},
            row=chosen(row),
            event_time=chosen(self.event_time),
            count=len(kept),
        )

    def nbytes(self) -> int:
        """Bytes of memory that the values take, with the texts of object arrays: what the queue's limit counts."""
        if self.size >= 0:
            return self.size + _OVERHEAD
        total = _OVERHEAD
        for columns in (self.features, self.outputs):
            for array in columns.values():
                total += _text_bytes(array) if array.dtype.hasobject else array.nbytes
        return total


def _text_bytes(array: np.ndarray) -> int:
    values = array.tolist() if array.ndim == 1 else array.ravel().tolist()
    try:
        return sum(map(len, values)) + _OBJECT * len(values)
    except TypeError:
        return sum(len(value) for value in values if isinstance(value, (bytes, str))) + _OBJECT * len(values)
