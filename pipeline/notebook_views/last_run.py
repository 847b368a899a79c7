"""What notebooks start from: the last run, what it left, and how charts look. Nothing is computed anew here.

Beside it: look_statistics, look_labels, look_model and look_lineage, one for each notebook.
"""

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
"""Grey is what was (train, the champion), blue what is (eval, the candidate): of different lightness, too. Orange is
what is beyond its threshold."""
INK, SOFT, LINE = "#1e293b", "#64748b", "#e2e8f0"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def offline_charts() -> None:
    """Charts as SVG within the notebook: drawn in every editor and without a network. Altair would fetch JavaScript."""
    import altair

    altair.renderers.enable("svg")


def last_run(root: Path, dataset: str, reached: str = "StatisticsGen") -> dict[str, Any]:
    """The summary of the newest run that came as far as a component; UsageError if there is none."""
    home = root / checked(dataset, "dataset")
    read = summaries(home)
    for summary in reversed(read.found):
        states = {component["id"]: component["state"] for component in summary["components"]}
        if states.get(reached) in ("executed", "cached"):
            return summary
    skipped = f" ({len(read.skipped)} unreadable summaries skipped; run `plumbline doctor`)" if read.skipped else ""
    raise UsageError(
        f"{home / 'reports'}: no run yet that came as far as {reached}{skipped}; `make run-local` makes one"
    )


def store_of(root: Path, dataset: str) -> "metadata_store.MetadataStore":
    """ML Metadata of the runs below a root, to read: the one that [metadata] of the dataset's settings names.

    The settings are those in schemas/, seen from the working directory or, as from notebooks/, from the one above.
    Without settings it is the SQLite file below the root.
    """
    home = root / checked(dataset, "dataset")
    files = (place / "schemas" / dataset / "pipeline.toml" for place in (Path(), Path("..")))
    settings = next((load_config(file).metadata for file in files if file.is_file()), None)
    return connect(connection_of(settings, home))


def output(root: Path, run: Mapping[str, Any], key: str) -> Path:
    """Folder of what a run made, or took from the cache, under that name ("statistics"); UsageError without one."""
    return Path(output_uri(store_of(root, run["dataset"]), run["run_id"], key))


def finished(chart: Any, title: str, *more: str) -> "altair.TopLevelMixin":
    """A chart with its title, in the looks that all of them share.

    Args:
      chart: Any Altair chart that is not part of another.
      title: What it says.
      more: Lines below the title: how to read it.
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
    """The pair of colours, for a column `of` that holds these two names. `more` goes to Altair."""
    import altair

    return altair.Color("of:N", scale=altair.Scale(domain=[was, is_], range=[WAS, IS]), **more)
