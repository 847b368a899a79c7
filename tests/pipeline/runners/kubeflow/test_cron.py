"""Cron expressions: what KFP's scheduler reads, and nothing else."""

import pytest

from components.shared.errors import UsageError
from pipeline.runners.kubeflow.submit import cron_of


@pytest.mark.parametrize(
    ("every", "cron"),
    [
        ("daily", "0 0 6 * * *"),
        ("30 5 * * *", "0 30 5 * * *"),
        ("0 30 5 * * *", "0 30 5 * * *"),
        ("*/15 0-6,12 1-31/2 jan-MAR Mon", "0 */15 0-6,12 1-31/2 jan-MAR Mon"),
        ("0 0 ? * 0-6", "0 0 0 ? * 0-6"),
        ("5/10 23 31 12 sun,sat", "0 5/10 23 31 12 sun,sat"),
    ],
)
def test_legal(every, cron):
    assert cron_of(every) == cron


@pytest.mark.parametrize(
    ("every", "why"),
    [
        ("99 99 * * *", "minute '99' is not within 0 to 59"),
        ("0 24 * * *", "hour '24' is not within 0 to 23"),
        ("0 0 0 * *", "day of month '0' is not within 1 to 31"),
        ("0 0 * 13 *", "month '13' is not within 1 to 12"),
        ("0 0 * mon *", "month 'mon' is not within"),
        ("0 0 * * 7", "weekday '7' is not within 0 to 6"),
        ("60 0 0 * * *", "second '60' is not within"),
        ("0 6-5 * * *", "hour '6-5' is not within"),
        ("*/0 * * * *", "minute '\\*/0' is not within"),
        ("1,,2 * * * *", "minute '1,,2' is not within"),
        ("* * * *", "4 fields; legal: hourly"),
        ("", "0 fields; legal: hourly"),
        ("yearly", "1 fields; legal: hourly"),
    ],
)
def test_not_legal(every, why):
    with pytest.raises(UsageError, match=why):
        cron_of(every)
