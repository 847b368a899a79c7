"""The page of `plumbline report --compare A B`: comparison of two runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.files import write_text
from pipeline.metadata.connection import known_store
from pipeline.metadata.summary_files import summary_of_run
from pipeline.report.formatting import fixed, measure_name, metric_name, shown_metrics, signed, spans
from pipeline.report.page import MAX_ROWS, flat, render
from pipeline.report.store import RunRecord, read_record

Difference = tuple[str, str, str]


def compare_page(home: Path, first: str, second: str, store: Any = None) -> str:
    """Renders the page as HTML.

    Args:
      home: <root>/<dataset>.
      first: Run id of the left column.
      second: Run id of the right column.
      store: An open MetadataStore; None opens the SQLite file below home, if there is one.

    Raises:
      UsageError: No run has one of the ids.
    """
    before, after = summary_of_run(home, first), summary_of_run(home, second)
    if store is None:
        store = known_store(None, home)
    records = [read_record(summary, store) for summary in (before, after)]
    drift = _drift(before, after)
    return render(
        "compare.html.j2",
        dataset=home.name,
        first=before,
        second=after,
        lead=_lead(before, after),
        differs=differences(before, after, *records),
        metrics=_metrics(before, after),
        same_rows=_eval_files(records[0]) == _eval_files(records[1]) and bool(_eval_files(records[0])),
        drift=drift[:MAX_ROWS],
        more_drift=max(0, len(drift) - MAX_ROWS),
    )


def write_compare(home: Path, first: str, second: str, path: Path | None = None, store: Any = None) -> Path:
    """Writes the page and returns its path; for the arguments and errors see `compare_page`.

    Args:
      home: <root>/<dataset>.
      first: Run id of the left column.
      second: Run id of the right column.
      path: The file; None is <home>/reports/compare-<first>-<second>.html.
      store: An open MetadataStore, or None.
    """
    chosen = path or home / "reports" / f"compare-{first}-{second}.html"
    write_text(chosen, compare_page(home, first, second, store))
    return chosen


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], old: RunRecord, new: RunRecord
) -> list[Difference]:
    """Lists the inputs that differ between two runs: spans, files, fingerprints and settings.

    Args:
      before: Summary of the first run.
      after: Summary of the second run.
      old: Metadata record of the first run.
      new: Metadata record of the second run.

    Returns:
      (item, value in the first run, value in the second run).
    """
    rows: list[Difference] = [
        (f"{split} spans", spans(before["spans"][split]), spans(after["spans"][split]))
        for split in ("train", "eval")
        if before["spans"][split] != after["spans"][split]
    ]
    files = [{(file.span, file.name): file for file in record.files} for record in (old, new)]
    for key in sorted({*files[0], *files[1]}):
        texts = [
            f"{found[key].sha256[:12]}, {found[key].rows:,} rows" if key in found else "not read" for found in files
        ]
        if texts[0] != texts[1]:
            rows.append((f"file {key[1]}", texts[0], texts[1]))
    for name in sorted({*before["fingerprints"], *after["fingerprints"]}):
        digests = [str(found["fingerprints"].get(name, ""))[:12] for found in (before, after)]
        if digests[0] != digests[1]:
            rows.append((f"{name} fingerprint", digests[0], digests[1]))
    settings = [dict(flat(record.settings)) for record in (old, new)]
    for name in sorted({*settings[0], *settings[1]}):
        values = [str(found.get(name, "not set"))[:200] for found in settings]
        if values[0] != values[1] and not name.startswith(("ArrowExampleGen.fingerprint", "ArrowExampleGen.span")):
            rows.append((name, values[0], values[1]))
    return rows


def _lead(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    same = {name: before["fingerprints"].get(name) == after["fingerprints"].get(name) for name in ("data", "code")}
    if all(same.values()):
        return "Data and code are the same."
    if same["code"]:
        return "The code is the same; differences in the results come from the data."
    if same["data"]:
        return "The data are the same; differences in the results come from the code."
    return "Data and code both differ; the effects of the two cannot be separated."


def _metrics(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(name, both values, difference). Differences have no colour, since they are not tested for significance."""
    rows = []
    for name in shown_metrics({**before["metrics"], **after["metrics"]}):
        old, new = before["metrics"].get(name), after["metrics"].get(name)
        known = old is not None and new is not None
        rows.append((metric_name(name), fixed(old), fixed(new), signed(new - old) if known else ""))
    return rows


def _drift(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    sides = [
        {(row["feature"], row["measure"]): row for row in summary["drift"] if not row.get("slice")}
        for summary in (before, after)
    ]

    def negative_change(key: tuple[str, str]) -> float:
        distances = [float(side[key]["distance"]) if key in side else 0.0 for side in sides]
        return -abs(distances[1] - distances[0])

    rows = []
    for key in sorted({*sides[0], *sides[1]}, key=lambda key: (negative_change(key), key)):
        old, new = (side.get(key) for side in sides)
        rows.append(
            {
                "feature": key[0],
                "measure": measure_name(key[1]),
                "before": fixed(old["distance"] if old else None),
                "after": fixed(new["distance"] if new else None),
                "before_over": bool(old and old["drifted"]),
                "after_over": bool(new and new["drifted"]),
                "threshold": fixed((new or old or {}).get("threshold")),
            }
        )
    return rows


def _eval_files(record: RunRecord) -> set[str]:
    return {file.sha256 for file in record.files if file.split == "eval"}
