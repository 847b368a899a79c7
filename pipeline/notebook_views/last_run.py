"""Common parts of the notebook views: the last run, its artifacts, and the style of charts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from components.shared.texts.file_names import checked
from pipeline.metadata.connection import connect, connection_of
from pipeline.metadata.summary_files import summaries
from pipeline.run_history.lineage import output_uri
from pipeline.settings.config import load_config

if TYPE_CHECKING:
    import altair
    from ml_metadata.metadata_store import metadata_store

WAS, IS, ALARM = "#94a3b8", "#2563eb", "#c2410c"
"""Grey: train, the champion. Blue: eval, the candidate; also of another lightness. Orange: above the threshold."""
INK, SOFT, LINE = "#1e293b", "#64748b", "#e2e8f0"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def offline_charts() -> None:
    """Renders charts as SVG, which every editor shows without a network; Altair's default loads JavaScript."""
    import altair

    altair.renderers.enable("svg")


def last_run(root: Path, dataset: str, reached: str = "StatisticsGen") -> dict[str, Any]:
    """Returns the summary of the newest run in which a component ran.

    Args:
      root: Folder of all runs.
      dataset: Name of the dataset.
      reached: Id of the component.

    Raises:
      UsageError: There is no such run.
    """
    home = root / checked(dataset, "dataset")
    read = summaries(home)
    for summary in reversed(read.usable):
        states = {component["id"]: component["state"] for component in summary["components"]}
        if states.get(reached) in ("executed", "cached"):
            return summary
    skipped = f" ({len(read.skipped)} unreadable summaries skipped; run `plumbline doctor`)" if read.skipped else ""
    raise UsageError(f"{home / 'reports'}: no run reached {reached} yet{skipped}; start one with `make run-local`")


def store_of(root: Path, dataset: str) -> "metadata_store.MetadataStore":
    """Opens the metadata store of a dataset for reading, as [metadata] of its settings names it.

    The settings are read from schemas/ in the working directory or its parent. Without settings the store is the SQLite
    file below the root.
    """
    home = root / checked(dataset, "dataset")
    files = (place / "schemas" / dataset / "pipeline.toml" for place in (Path(), Path("..")))
    settings = next((load_config(file).metadata for file in files if file.is_file()), None)
    return connect(connection_of(settings, home))


def output(root: Path, run: Mapping[str, Any], key: str) -> Path:
    """Returns the folder of a run's output.

    Args:
      root: Folder of all runs.
      run: Summary of the run.
      key: Name of the output, such as "statistics".

    Raises:
      UsageError: The run has no such output.
    """
    return Path(output_uri(store_of(root, run["dataset"]), run["run_id"], key))


def finished(chart: Any, title: str, *more: str) -> "altair.TopLevelMixin":
    """Returns a chart with title and the common style.

    Args:
      chart: A top-level Altair chart.
      title: Title.
      *more: Lines of the subtitle.
    """
    import altair

    head = altair.TitleParams(
        title,
        subtitle=list(more),
        anchor="start",
        offset=14,
        fontSize=15,
        color=INK,
        subtitleFontSize=12,
        subtitleColor=SOFT,
        subtitleLineHeight=16,
    )
    looks: altair.TopLevelMixin = (
        chart.properties(title=head, padding=12, background="white")
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, labelFontSize=11, titleColor=SOFT, titleFontSize=11, titleFontWeight="normal",
            gridColor=LINE, domainColor=LINE, tickColor=LINE, labelLimit=160,
        )
        .configure_legend(labelColor=INK, labelFontSize=11, titleColor=SOFT, titleFontWeight="normal")
        .configure_header(labelColor=INK, titleColor=SOFT)
    )  # fmt: skip
    return looks


def was_and_is(was: str, is_: str, **more: Any) -> "altair.Color":
    """Returns the colour encoding of a column `of` with two values.

    Args:
      was: Value drawn in grey.
      is_: Value drawn in blue.
      **more: Further arguments of altair.Color.
    """
    import altair

    return altair.Color("of:N", scale=altair.Scale(domain=[was, is_], range=[WAS, IS]), **more)
