"""Text output of drift rows, and counts of drifted columns by severity."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.statistics.severities import SEVERITIES, Severity, worst

Row = Mapping[str, Any]


def drifted_features(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Groups the drifted rows by feature.

    Args:
      rows: Drift rows in the order of the report.

    Returns:
      Feature -> drifted rows, features in the order of the report, rows of all data before those of slices.
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["drifted"]:
            found.setdefault(row["feature"], []).append(row)
    return {feature: sorted(one, key=lambda row: bool(row.get("slice"))) for feature, one in found.items()}


def feature_severities(rows: Iterable[Row]) -> dict[str, Severity]:
    """Returns the severity of each drifted feature: the highest one of its drifted rows.

    Args:
      rows: Drift rows in the order of the report. Those of former versions have no severity and are omitted.
    """
    found = drifted_features(row for row in rows if "severity" in row)
    return {feature: worst(row["severity"] for row in one) for feature, one in found.items()}


def severities_text(severities: Iterable[Severity]) -> str:
    """Formats counts of severities, as "1 severe, 4 moderate, 8 negligible"; empty without any."""
    found = list(severities)
    counts = [(found.count(one), one) for one in reversed(SEVERITIES)]
    return ", ".join(f"{count:,} {one}" for count, one in counts if count)


def undecided_features(rows: Iterable[Row]) -> dict[str, Severity]:
    """Returns the features without significant drift whose corrected distance is at least moderate.

    They have too few rows: at the same distance more rows would be significant.

    Args:
      rows: Drift rows in the order of the report.

    Returns:
      Feature -> severity; only distances over all rows are considered.
    """
    rows = list(rows)
    decided = {feature for feature, one in feature_severities(rows).items() if one != "negligible"}
    found: dict[str, list[Severity]] = {}
    for row in rows:
        large = row.get("severity", "negligible") != "negligible" and not row["drifted"] and not row.get("slice")
        if large and row["feature"] not in decided:
            found.setdefault(row["feature"], []).append(row["severity"])
    return {feature: worst(one) for feature, one in found.items()}


def compared_features(rows: Iterable[Row]) -> int:
    """Counts the columns that were compared."""
    return len({row["feature"] for row in rows if row.get("role") != "table"})


@dataclass(frozen=True)
class DriftCounts:
    """Counts of drifted columns, for the report, the terminal and `plumbline runs`.

    Attributes:
      compared: Columns that were compared.
      drifted: Columns that drifted over all rows, in any measure.
      in_slices: Columns that drifted in slices only.
      table: Whether the table as a whole drifted: the joint distribution or the rate of duplicate rows.
      severities: Counts of the columns in `drifted` by severity, such as "1 severe, 4 moderate"; empty without any, and
        for rows of former versions.
      slice_severities: The same of the columns in `in_slices`.
    """

    compared: int
    drifted: int
    in_slices: int
    table: bool
    severities: str = ""
    slice_severities: str = ""

    def in_slices_text(self) -> str:
        """Formats the columns that drifted in slices only, as "3 (1 severe, 2 moderate)"."""
        return f"{self.in_slices:,} ({self.slice_severities})" if self.slice_severities else f"{self.in_slices:,}"


def drift_counts(rows: Iterable[Row]) -> DriftCounts:
    """Counts the columns of a run's drift rows; several rows of a column count once."""
    rows = list(rows)
    found = drifted_features(row for row in rows if row.get("role") != "table")
    whole = {feature for feature, one in found.items() if any(not row.get("slice") for row in one)}
    table_ = any(row["drifted"] for row in rows if row.get("role") == "table")
    severities = feature_severities(row for row in rows if row.get("role") != "table")
    return DriftCounts(
        compared_features(rows),
        len(whole),
        len(found) - len(whole),
        table_,
        severities_text(one for feature, one in severities.items() if feature in whole),
        severities_text(one for feature, one in severities.items() if feature not in whole),
    )


def in_short(rows: Sequence[Row], most: int = 3) -> str:
    """Summarises the drifted features in one line.

    Args:
      rows: Drift rows in the order of the report.
      most: Maximum number of features that are listed.
    """
    counts = drift_counts(rows)
    drifted = drifted_features(rows)
    if not drifted:
        return f"none in {counts.compared} compared features"
    firsts = [first for first, *_ in drifted.values() if first.get("role") != "table"]
    tables = [first for first, *_ in drifted.values() if first.get("role") == "table"]
    whole = [first for first in firsts if not first.get("slice")]
    slices = [first for first in firsts if first.get("slice")]
    text = f"{counts.drifted} of {counts.compared} compared features"
    if counts.severities:
        text += f" ({counts.severities})"
    if whole:
        more = f", and {len(whole) - most} more" if len(whole) > most else ""
        text += f": {'; '.join(map(in_one_line, whole[:most]))}{more}"
    if slices:
        text += f"; in slices only {counts.in_slices_text()}: {in_one_line(slices[0])}"
    if tables:
        text += f"; the table as a whole: {in_one_line(tables[0])}"
    return text


def in_one_line(row: Row) -> str:
    """Formats a drift row, as "late chebyshev 0.168 > 0.03 ('0' was 84.2%, is 67.4%)" or "dest in origin=EWR ..."."""
    where = f" in {row['slice']}" if row.get("slice") else ""
    detail = f" ({row['detail']})" if row["detail"] else ""
    return f"{row['feature']}{where} {row['measure']} {row['distance']:.3g} > {row['threshold']:.3g}{detail}"


def comparison_table(rows: Sequence[Row], everything: bool = False, most: int = 30) -> str:
    """Formats drift rows as an aligned table with one line for each drifted feature, that of its severest row.

    Args:
      rows: Drift rows in the order of the report.
      everything: Whether to show all rows, drifted or not.
      most: Maximum number of lines unless `everything`.
    """
    shown = list(rows) if everything else sorted(map(_severest, drifted_features(rows).values()), key=_rank)
    others = {feature: len(found) - 1 for feature, found in drifted_features(rows).items()}
    cells = [("feature", "severity", "measure", "distance", "threshold", "p", "change")]
    for row in shown if everything else shown[:most]:
        where = f" in {row['slice']}" if row.get("slice") else ""
        more = "" if everything or not others[row["feature"]] else f"; {others[row['feature']]} more"
        mark = "*" if everything and row["drifted"] else ""
        cells.append(
            (
                f"{row['feature']}{where}",
                row.get("severity", ""),
                row["measure"] + mark,
                f"{row['distance']:.4f}",
                f"{row['threshold']:.4f}",
                "" if row.get("p_value") is None else _probability(row["p_value"]),
                row["detail"] + more,
            )
        )
    widths = [max(len(line[place]) for line in cells) for place in range(6)]
    pads = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust, str.rjust)
    lines = []
    for *left, detail in cells:
        padded = [pad(cell, width) for cell, width, pad in zip(left, widths, pads, strict=True)]
        lines.append("  ".join([*padded, detail]).rstrip())
    if not everything and len(shown) > most:
        lines.append(f"and {len(shown) - most} more features; --all shows them")
    return "\n".join(lines)


def _rank(row: Row) -> int:
    return -SEVERITIES.index(row.get("severity", "negligible"))


def _severest(rows: Sequence[Row]) -> Row:
    """The first row with the highest severity, rows of all data before those of slices."""
    return min(rows, key=lambda row: (_rank(row), bool(row.get("slice"))))


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<1e-9" if p < 1e-9 else f"{p:.0e}"
