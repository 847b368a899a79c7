"""Writes a run's report to its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.files import write_text
from components.shared.texts.file_names import checked
from pipeline.metadata.summary_files import summary_of_run
from pipeline.report.chart_cache import cached_charts
from pipeline.report.gather import gather_report_data
from pipeline.report.page import report_page

NAME = "report.html"


def write_report(home: Path, summary: Mapping[str, Any], store: Any = None) -> Path:
    """Writes <home>/reports/<run_id>/report.html atomically.

    Args:
      home: <root>/<dataset>.
      summary: The run's summary, see `Summary.to_json`; it need not be on disk yet.
      store: An open MetadataStore; None opens the SQLite file below home, if there is one.

    Returns:
      Path of the file.
    """
    path = home / "reports" / checked(str(summary["run_id"]), "run") / NAME
    with cached_charts(home / "cache" / "charts.json"):
        page = report_page(gather_report_data(home, summary, store))
    write_text(path, page)
    return path


def rewrite_report(home: Path, run_id: str, store: Any = None) -> Path:
    """Writes the report of an earlier run again, from its summary.json.

    Raises:
      UsageError: No run has this id.
    """
    return write_report(home, summary_of_run(home, run_id), store)
