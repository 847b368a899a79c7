"""Parses dates by a format, times of day, and durations.

A format is one of strptime, or `epoch_s`, `epoch_ms`, `epoch_us` or `epoch_ns`: seconds, milli-, micro- or nanoseconds
since 1970-01-01 UTC. A fraction of a second may follow "%S". All functions return null for cells that do not fit.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.features.calendar_parts import DAY

EPOCHS = {"epoch_s": 1_000_000.0, "epoch_ms": 1_000.0, "epoch_us": 1.0, "epoch_ns": 0.001}
"""Format -> microseconds per unit."""
CLOCK = r"^\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?([AaPp])\.?[Mm]\.?)?$"
"""A time of day, as 9:30, 09:30:15 or 9:30 pm."""
ELAPSED = (
    r"^(?P<sign>-?)(?:(?P<days>\d{1,6}) days?,? )?(?P<h>\d{1,6}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:\.(?P<f>\d{1,9}))?)?$"
)
"""A duration, such as 123:45 (hours and minutes), 1:23:45.5 or 2 days 01:02:03."""
ISO = (
    r"^(?P<sign>-?)P(?:(?P<w>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?(?:T(?:(?P<h>\d{1,6})H)?(?:(?P<m>\d{1,6})M)?"
    r"(?:(?P<s>\d{1,9})(?:\.(?P<f>\d{1,9}))?S)?)?$"
)
"""An ISO 8601 duration without years and months, which have no fixed length."""
LASTS = "|".join(re.sub(r"\?P<\w+>", "?:", pattern) for pattern in (ELAPSED, ISO))
"""A duration in either notation, without named groups."""
_FRACTION = r"^(.*:\d{2})\.(\d{1,9})$"


def dates(column: pa.Array, type_: pa.DataType, written: str, latest: int = 0) -> pa.Array:
    """Parses text or numbers as dates or timestamps by a format.

    Args:
      column: Strings or numbers, [N].
      type_: date32 or a timestamp type.
      written: The format, see the module's docstring.
      latest: Latest year that a two-digit year (%y) can mean; 0 for 2068.

    Returns:
      Values of `type_`, [N]; null for values that do not fit. For date32 also timestamps other than midnight are null.
    """
    found = _epoch(column, written) if written in EPOCHS else _by_format(column, written)
    if latest and "%y" in written:
        found = _within(found, latest)
    if not pa.types.is_date(type_):
        return found.cast(type_)
    days = found.cast(pa.date32(), safe=False)
    return pc.if_else(pc.equal(days.cast(pa.timestamp("us")), found), days, pa.scalar(None, pa.date32()))


def _within(moments: pa.Array, latest: int) -> pa.Array:
    """Shifts timestamps by whole centuries into the 100 years that end with `latest`."""
    there = moments.is_valid().to_numpy(zero_copy_only=False)
    given = moments.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).astype("datetime64[us]")
    months = given.astype("datetime64[M]")
    years = months.astype("datetime64[Y]").astype(np.int64) + 1970
    moved = months + (latest - (latest - years) % 100 - years) * 12
    found = moved.astype("datetime64[us]") + (given - months.astype("datetime64[us]"))
    there &= found.astype("datetime64[M]") == moved  # 1900 has no 29th of February
    return pa.array(found.astype(np.int64), mask=~there).cast(pa.timestamp("us"))


def _by_format(column: pa.Array, written: str) -> pa.Array:
    if not pa.types.is_string(column.type):  # 20131231
        column = column.cast(pa.string())
    cells = pc.utf8_trim_whitespace(column)
    micros = None
    if written.endswith("%S.%f") or written.endswith("%S"):
        written = written.removesuffix(".%f")
        parts = pc.extract_regex(cells, r"\.(?P<f>\d{1,9})$")
        if parts.null_count < len(parts):
            micros = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(parts, "f"), 9, "0"), 0, 6).cast(pa.int64())
            cells = pc.replace_substring_regex(cells, _FRACTION, r"\1")
    read = pc.strptime(cells, format=written, unit="us", error_is_null=True)
    if (pattern := _day_of(written)) is not None:  # pc.strptime turns February 31 into March 3
        day = pc.struct_field(pc.extract_regex(cells, pattern), "day")
        day = pc.if_else(pc.equal(day, ""), pa.scalar(None, pa.string()), day)
        read = pc.if_else(pc.equal(pc.day(read), day.cast(pa.int64())), read, pa.scalar(None, read.type))
    found = read.cast(pa.int64())
    if micros is not None:
        found = pc.add(found, pc.fill_null(micros, 0))
    return found.cast(pa.timestamp("us"))


def _day_of(written: str) -> str | None:
    """A regular expression with the group `day` for a format; None for formats without %d or with other directives."""
    pattern, at = "", 0
    while at < len(written):
        if written[at] != "%":
            pattern += r"\s+" if written[at].isspace() else re.escape(written[at])
            at += 1
            continue
        kind = written[at + 1 : at + 2]
        touches = written[at + 2 : at + 3] == "%" or (at > 0 and written[at - 2 : at - 1] == "%")
        digits = r"\d{2}" if touches else r"\s*\d{1,2}"
        day = digits.removeprefix(r"\s*")
        known = {"Y": r"\d{4}", "y": r"\d{2}", "d": f"(?P<day>{day})", "p": "[AaPp][Mm]"}
        known |= dict.fromkeys("mHIMS", digits) | dict.fromkeys("bBh", r"[^\W\d]+\.?") | {"z": r"\S+"}
        if kind not in known:
            return None
        pattern += known[kind]
        at += 2
    return f"^{pattern}$" if "(?P<day>" in pattern else None


def _epoch(column: pa.Array, written: str) -> pa.Array:
    size = EPOCHS[written]
    if pa.types.is_string(column.type):
        cells = pc.utf8_trim_whitespace(column)
        legal = pc.match_substring_regex(cells, r"^-?\d{1,18}(\.\d*)?$")
        cells = pc.if_else(legal, cells, pa.scalar(None, pa.string()))
        whole = not pc.any(pc.match_substring_regex(cells, r"\.\d*[1-9]")).as_py()
        column = pc.replace_substring_regex(cells, r"\.0*$", "").cast(pa.int64()) if whole else cells.cast(pa.float64())
    if pa.types.is_integer(column.type):
        values = column.cast(pa.int64(), safe=False)
        if size >= 1:
            most = int((1 << 62) // int(size))
            values = pc.if_else(pc.less(pc.abs(values), most), values, pa.scalar(None, pa.int64()))
            return pc.multiply(values, int(size)).cast(pa.timestamp("us"))
        numbers = values.fill_null(0).to_numpy(zero_copy_only=False) // 1000
        return pa.array(numbers, mask=values.is_null().to_numpy(zero_copy_only=False)).cast(pa.timestamp("us"))
    if not pa.types.is_floating(column.type):
        return pa.nulls(len(column), pa.timestamp("us"))
    numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False) * size
    usable = np.isfinite(numbers) & (np.abs(numbers) < 2.0**62)
    micros = np.where(usable, np.round(np.where(usable, numbers, 0)), 0).astype(np.int64)
    return pa.array(micros, mask=~usable).cast(pa.timestamp("us"))


def times(cells: pa.StringArray) -> pa.Array:
    """Parses times of day, such as 9:30, 09:30:15.5 or 9:30 pm, as time64[us], [N]."""
    parts = pc.extract_regex(
        pc.utf8_trim_whitespace(cells),
        r"^(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:\.(?P<f>\d{1,9}))?)?(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?$",
    )
    hour, minute, second, micro = (_numbers(parts, part) for part in "hmsf")
    half = pc.utf8_lower(pc.struct_field(parts, "p")).fill_null("").to_numpy(zero_copy_only=False)
    legal = parts.is_valid().to_numpy(zero_copy_only=False) & (minute < 60) & (second < 60) & (hour < 24)
    legal &= (half == "") | ((hour >= 1) & (hour <= 12))
    hour = np.where(half == "", hour, hour % 12 + np.where(half == "p", 12, 0))
    found = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro
    return pa.array(np.where(legal, found, 0), mask=~legal).cast(pa.time64("us"))


def durations(cells: pa.StringArray) -> pa.Array:
    """Parses durations in the notations ELAPSED and ISO as duration[us], [N]."""
    cells = pc.utf8_trim_whitespace(cells)
    found = np.zeros(len(cells), np.int64)
    legal = np.zeros(len(cells), bool)
    for pattern in (ELAPSED, ISO):
        parts = pc.extract_regex(cells, pattern)
        here = parts.is_valid().to_numpy(zero_copy_only=False)
        if pattern == ISO:
            here &= ~pc.match_substring_regex(cells, r"[PT]$").fill_null(True).to_numpy(zero_copy_only=False)
        if not here.any():
            continue
        names = [field.name for field in parts.type]
        day, hour, minute, second, micro = (_numbers(parts, part) for part in ("days", "h", "m", "s", "f"))
        if "w" in names:
            day = day + 7 * _numbers(parts, "w")
        else:
            here &= (minute < 60) & (second < 60)
        size = day * DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro
        sign = pc.struct_field(parts, "sign").fill_null("").to_numpy(zero_copy_only=False)
        found = np.where(here, np.where(sign == "-", -size, size), found)
        legal |= here
    return pa.array(found, mask=~legal).cast(pa.duration("us"))


def _numbers(parts: pa.StructArray, name: str) -> np.ndarray:
    """A named group of digits as int64, [N], 0 if empty; the group `f` (fraction) in microseconds."""
    texts = pc.struct_field(parts, name).fill_null("")
    if name == "f":
        texts = pc.utf8_slice_codeunits(pc.utf8_rpad(texts, 9, "0"), 0, 6)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar("0"), texts)
    numbers: np.ndarray = texts.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def seconds(column: pa.Array) -> pa.Array:
    """Converts times of day or durations to seconds, float64 [N]."""
    type_ = column.type
    unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[type_.unit]
    width = pa.int32() if pa.types.is_time32(type_) else pa.int64()
    return pc.divide(column.cast(width).cast(pa.float64()), unit)


def from_seconds(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """Converts seconds to time64[us] or duration[us], [N]; null if not finite or, for times, outside [0, 86400)."""
    numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False) * 1e6
    most = DAY - 1 if pa.types.is_time(type_) else 2.0**62
    usable = np.isfinite(numbers) & (np.abs(numbers) <= most)
    usable &= (numbers >= 0) | (not pa.types.is_time(type_))
    return pa.array(np.round(np.where(usable, numbers, 0)).astype(np.int64), mask=~usable).cast(type_)
