"""Traffic, errors and latency of a window, in all and by version, against the window before."""

from collections.abc import Mapping

from scipy.stats import hypergeom

from monitor.inputs.settings import InputSettings
from monitor.measurement import Measurement
from monitor.windows.traffic import Traffic
from monitor.windows.window_data import WindowData

_CLIENT_TOLERANCE = 5
"""Errors of clients are judged by thresholds that are so many times those of the server's errors."""


def check_operations(data: WindowData, previous: WindowData | None, settings: InputSettings) -> list[Measurement]:
    """Measures traffic (requests per second), error rates and latency quantiles.

    The effect of traffic is 1 - min(a / b, b / a) for rates a and b; of errors the rate; of a latency quantile its
    relative increase. A version has measurements of its own if there are several.
    """
    found = [_traffic(data, previous, settings)]
    total, before = _total(data.traffic), _total(previous.traffic) if previous is not None else None
    found += _of_version(total, before, None, settings)
    if len(data.traffic) > 1:
        for version, one in data.traffic.items():
            earlier = previous.traffic.get(version) if previous is not None else None
            found += _of_version(one, earlier, version, settings)
    return found


def _traffic(data: WindowData, previous: WindowData | None, settings: InputSettings) -> Measurement:
    moderate, severe = settings.effects["traffic"]
    rate, usual = _rate(data), None if previous is None else _rate(previous)
    effect = 0.0
    if usual is not None and max(rate, usual) > 0:
        effect = 1 - min(rate, usual) / max(rate, usual)
    detail = f"{data.window.requests:,} requests"
    if previous is not None:
        detail += f"; {previous.window.requests:,} in the window before"
    return Measurement(
        kind="traffic",
        subject="requests",
        measure="rate",
        value=rate,
        effect=effect,
        moderate=moderate,
        severe=severe,
        rows=data.window.requests,
        detail=detail,
        reference="previous",
        reference_value=usual,
        unit="1/s",
    )


def _rate(data: WindowData) -> float:
    return data.window.requests / max((data.window.end - data.window.start).total_seconds(), 1e-6)


def _of_version(
    one: Traffic, before: Traffic | None, version: int | None, settings: InputSettings
) -> list[Measurement]:
    if not one.requests:
        return []
    found = []
    for subject, count, usual, times in (
        ("server_errors", one.server_errors, None if before is None else before.server_errors, 1),
        ("client_errors", one.client_errors, None if before is None else before.client_errors, _CLIENT_TOLERANCE),
    ):
        moderate, severe = settings.effects["errors"]
        p_value = None
        if before is not None and before.requests and usual is not None:
            p_value = float(hypergeom.sf(count - 1, one.requests + before.requests, count + usual, one.requests))
        found.append(
            Measurement(
                kind="errors",
                subject=subject,
                measure="rate",
                value=count / one.requests,
                effect=count / one.requests,
                moderate=min(1.0, times * moderate),
                severe=min(1.0, times * severe),
                rows=one.requests,
                detail=f"{count:,} of {one.requests:,} requests",
                reference="previous",
                reference_value=None if not before or not before.requests else (usual or 0) / before.requests,
                version=version,
                p_value=p_value,
            )
        )
    moderate, severe = settings.effects["latency"]
    for quantile in one.latency:
        value = one.latency[quantile]
        usual_seconds = before.latency.get(quantile) if before is not None else None
        found.append(
            Measurement(
                kind="latency",
                subject=f"p{100 * quantile:g}",
                measure="quantile",
                value=value,
                effect=max(0.0, value / usual_seconds - 1) if usual_seconds else 0.0,
                moderate=moderate,
                severe=severe,
                rows=one.requests,
                reference="previous",
                reference_value=usual_seconds,
                version=version,
                unit="s",
            )
        )
    return found


def _total(traffic: Mapping[int, Traffic]) -> Traffic:
    """All versions together; a latency quantile of all is the mean of the versions' by requests, an approximation."""
    parts = list(traffic.values())
    requests = sum(one.requests for one in parts)
    quantiles = {quantile for one in parts for quantile in one.latency}
    latency = {}
    for quantile in sorted(quantiles):
        known = [one for one in parts if quantile in one.latency and one.requests]
        latency[quantile] = sum(one.latency[quantile] * one.requests for one in known) / max(
            sum(one.requests for one in known), 1
        )
    return Traffic(
        requests,
        sum(one.rows for one in parts),
        sum(one.client_errors for one in parts),
        sum(one.server_errors for one in parts),
        latency,
    )
