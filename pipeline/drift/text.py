"""Drift for a person: what moved, the most urgent first."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def drifted_features(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Feature -> its drifted rows, both in the order of the report."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["drifted"]:
            found.setdefault(row["feature"], []).append(row)
    return found


def compared_features(rows: Iterable[Row]) -> int:
    """How many columns were compared."""
    return len({row["feature"] for row in rows if row.get("role") != "table"})


def in_short(rows: Sequence[Row], most: int = 3) -> str:
    """The drifted features in a few words: those that drifted in all rows, and how many did in slices only."""
    drifted, compared = drifted_features(rows), compared_features(rows)
    whole = [first for first, *_ in drifted.values() if not first.get("slice")]
    slices = [first for first, *_ in drifted.values() if first.get("slice")]
    if not drifted:
        return f"none in {compared} compared features"
    text = f"{len(whole)} of {compared} compared features"
    if whole:
        more = f", and {len(whole) - most} more" if len(whole) > most else ""
        text += f": {'; '.join(map(in_one_line, whole[:most]))}{more}"
    if slices:
        text += f"; in slices only {len(slices)}: {in_one_line(slices[0])}"
    return text


def in_one_line(row: Row) -> str:
    """Such as "late 0.168 > 0.03 ('0' was 84.2%, is 67.4%)"."""
    where = f" in {row['slice']}" if row.get("slice") else ""
    detail = f" ({row['detail']})" if row["detail"] else ""
    measure = "" if row["measure"] in ("chebyshev", "kolmogorov_smirnov") else f" {row['measure']}"
    return f"{row['feature']}{where}{measure} {row['distance']:.3g} > {row['threshold']:.3g}{detail}"


def table(rows: Sequence[Row], everything: bool = False, most: int = 30) -> str:
    """The drifted rows as an aligned table, one line a feature; all rows with `everything`.

    Args:
      rows: Of a report, in its order.
      everything: Show what did not drift too, and every row of a feature.
      most: Lines at most, unless `everything`.
    """
    shown = list(rows) if everything else [first for first, *_ in drifted_features(rows).values()]
    others = {feature: len(found) - 1 for feature, found in drifted_features(rows).items()}
    cells = [("feature", "measure", "distance", "threshold", "chance", "what moved")]
    for row in shown if everything else shown[:most]:
        where = f" in {row['slice']}" if row.get("slice") else ""
        more = "" if everything or not others[row["feature"]] else f"; {others[row['feature']]} more"
        mark = "*" if everything and row["drifted"] else ""
        cells.append(
            (
                f"{row['feature']}{where}",
                row["measure"] + mark,
                f"{row['distance']:.4f}",
                f"{row['threshold']:.4f}",
                "" if row.get("p_value") is None else _probability(row["p_value"]),
                row["detail"] + more,
            )
        )
    widths = [max(len(line[place]) for line in cells) for place in range(5)]
    pads = (str.ljust, str.ljust, str.rjust, str.rjust, str.rjust)
    lines = []
    for *left, detail in cells:
        padded = [pad(cell, width) for cell, width, pad in zip(left, widths, pads, strict=True)]
        lines.append("  ".join([*padded, detail]).rstrip())
    if not everything and len(shown) > most:
        lines.append(f"and {len(shown) - most} more features; --all shows them")
    return "\n".join(lines)


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<1e-9" if p < 1e-9 else f"{p:.0e}"
