"""The rows of the request log, from answered requests."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.batching import Batch
from serving.exchange import Exchange
from serving.request_log.records import NO_EVENT_TIME, Records


def failed_request(exchange: Exchange, status: int, latency: float) -> Records:
    """Record of a request without an answer: no features and no outputs."""
    label: Any = exchange.label
    return Records(
        exchange.route.model,
        exchange.lease.version,
        label,
        exchange.request_id,
        exchange.request.time,
        latency,
        status,
        event_time=exchange.event_time,
    )


def answered_rows(batch: Batch, statuses: Sequence[int]) -> Records:
    """Record of the rows of a computed batch.

    Args:
      batch: The batch; its jobs have no error.
      statuses: HTTP status code of each job's response.
    """
    first: Exchange = batch.jobs[0].context
    about, now = first.lease.model.about, time.monotonic()
    label: Any = first.label
    features = {about.column(name): one for name, one in batch.inputs.items()}
    if len(batch.jobs) == 1:
        return Records(
            first.route.model,
            first.lease.version,
            label,
            first.request_id,
            first.request.time,
            now - first.request.arrived,
            statuses[0],
            features=features,
            outputs=batch.outputs,
            event_time=first.event_time,
            size=len(first.request.body),
        )
    exchanges: list[Exchange] = [job.context for job in batch.jobs]
    counts = [job.rows or 0 for job in batch.jobs]
    ids = [one.request_id for one in exchanges]
    times: np.ndarray = np.array([one.request.time for one in exchanges], np.int64)
    latencies: np.ndarray = now - np.array([one.request.arrived for one in exchanges])
    codes: np.ndarray = np.array(statuses, np.int32)
    row: np.ndarray = np.zeros(len(counts), np.int32)
    if max(counts) > 1 or min(counts) < 1:
        ids = [id_ for id_, count in zip(ids, counts, strict=True) for _ in range(count)]
        times, latencies, codes = np.repeat(times, counts), np.repeat(latencies, counts), np.repeat(codes, counts)
        row = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
    return Records(
        first.route.model,
        first.lease.version,
        label,
        ids,
        times,
        latencies,
        codes,
        features,
        batch.outputs,
        row,
        event_time=_event_times(exchanges, counts),
        size=sum(len(one.request.body) for one in exchanges),
    )


def _event_times(exchanges: Sequence[Exchange], counts: Sequence[int]) -> np.ndarray | None:
    """Event time of each row of several requests, int64; None if none of them has one."""
    given = [one.event_time for one in exchanges]
    if all(one is None for one in given):
        return None
    return np.repeat(np.array([NO_EVENT_TIME if one is None else one for one in given], np.int64), counts)
