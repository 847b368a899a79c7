"""Compares two runs: data, schema, settings, code and metrics.

The comparison answers whether an improvement came from the data or from the code.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.artifacts.integrity import CONTENT
from components.shared.errors import InputError
from components.shared.statistics.metric_names import MAIN_METRICS
from pipeline.metadata.summary_files import summary_of_run
from pipeline.run_history.cache_reasons import InputChange, changes
from pipeline.run_history.compare_data import (
    RowTotals,
    SpanChange,
    extra_of,
    id_columns,
    label_column,
    span_changes,
    steps_of,
    totals,
)
from pipeline.run_history.compare_gain import MetricDelta as Delta
from pipeline.run_history.compare_gain import MetricGain, gain_of
from pipeline.run_history.compare_schema import SchemaComparison, schema_change
from pipeline.run_history.lineage import SpanRead, corrections_of, spans_read
from pipeline.run_history.metadata_graph import Execution, artifacts_by_id, executions_of_run, text_property
from pipeline.settings.renamed_keys import BothNamesError, with_present_names

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

    from pipeline.run_history.compare_intervals import Intervals

OWN = ".custom_config.module."
"""Infix of parameters for a part of [training] module_file, see components.shared.custom_module."""
INCIDENTAL = frozenset({"span", "fingerprint", "code_fingerprint", "version", "registry_id", "schema_file"})
"""Parameters that identify data, code or champion, which are compared separately."""


VERDICTS = {
    (True, True): "both",
    (True, False): "data-centric",
    (False, True): "model-centric",
    (False, False): "nothing",
}
"""(data changed, code changed) -> origin of the improvement."""


@dataclass(frozen=True)
class RunComparison:
    """Differences between the runs `before` and `after`.

    Attributes:
      before: Id of the earlier run.
      after: Id of the later run.
      verdict: Possible origin of an improvement: "data-centric" (spans, corrections or data steps changed),
        "model-centric" (source, settings of the model, schema or libraries changed), "both" or "nothing".
      gain: Improvement in the first available metric of metric_names.MAIN_METRICS; None if the eval rows differ.
      rows: Numbers of differing rows, train and eval; None if unknown.
      spans: Spans that differ.
      same_eval: Whether both runs were evaluated on the same rows; if not, metrics are not comparable.
      corrections: Corrections before and after.
      extra: Slices whose rows from older spans were added, before and after: where, spans, rows.
      steps: Data steps (balance, augmentation) before and after.
      schema: Changes of the schema; None if there are none, or if unknown.
      settings: Changed keys of pipeline.toml, "[table] key"; None if a run did not record its settings.
      parameters: Changed parameters of components, for runs without recorded settings.
      code: Components whose source or libraries changed.
      champions: Version that each run was compared with.
      outcome: Outcome of each run: "pushed as v4", "not blessed", ...
      metrics: Metric -> before and after, over all rows.
      slices: Slice -> metric -> before and after.
      intervals: Differences of both models on the same rows with intervals; None unless requested and possible.
      without_intervals: Why requested intervals could not be computed; "" otherwise.
    """

    before: str
    after: str
    verdict: str
    gain: MetricGain | None
    rows: RowTotals | None
    spans: tuple[SpanChange, ...]
    same_eval: bool
    corrections: tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]
    extra: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    steps: tuple[dict[str, Any], dict[str, Any]]
    schema: SchemaComparison | None
    settings: tuple[InputChange, ...] | None
    parameters: tuple[InputChange, ...]
    code: tuple[str, ...]
    champions: tuple[int | None, int | None]
    outcome: tuple[str, str]
    metrics: dict[str, Delta]
    slices: dict[str, dict[str, Delta]]
    intervals: "Intervals | None" = None
    without_intervals: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `plumbline compare --json` prints."""
        return asdict(self)


@dataclass(frozen=True)
class _Run:
    """Records of one run; empty where it has none."""

    summary: dict[str, Any]
    nodes: dict[str, Execution]
    artifacts: Mapping[int, Any]

    def output(self, key: str) -> Any:
        """Returns the artifact of an output, or None."""
        found = [ids[0] for one in self.nodes.values() for name, ids in one.outputs.items() if name == key and ids]
        return self.artifacts[found[0]] if found else None

    def parameter(self, node: str, name: str) -> str:
        """Returns a parameter as text; "" if the node did not run."""
        return str(self.nodes[node].parameters.get(name, "")) if node in self.nodes else ""

    @property
    def files(self) -> tuple[SpanRead, ...]:
        """Span files that the run read."""
        examples = self.output("examples")
        return () if examples is None else spans_read(examples)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprints of `data` and `code`; "" if unknown."""
        examples = self.output("examples")
        known = {
            "data": "" if examples is None else text_property(examples, "data_fingerprint"),
            "code": self.parameter("RegistryPusher", "code_fingerprint"),
        }
        return {**known, **self.summary.get("fingerprints", {})}

    @property
    def verdict(self) -> dict[str, Any]:
        """Content of verdict.json; empty if it does not exist."""
        evaluation = self.output("evaluation")
        try:
            return dict(json.loads((Path(evaluation.uri) / "verdict.json").read_text(encoding="utf-8")))
        except (AttributeError, OSError, ValueError):
            return {}


def compare_runs(
    store: "metadata_store.MetadataStore",
    home: Path,
    before: str,
    after: str,
    most: int = 5,
    with_intervals: bool = False,
) -> RunComparison:
    """Compares two runs.

    Args:
      store: ML Metadata.
      home: <root>/<dataset>, for the summaries.
      before: Id of the earlier run.
      after: Id of the later run.
      most: Maximum number of rows of each kind per changed span.
      with_intervals: Compute intervals by scoring the same rows with both models, which takes about 20 s.

    Raises:
      UsageError: A run is not in the store.
    """
    one, other = _load(store, home, before), _load(store, home, after)
    examples = one.output("examples"), other.output("examples")
    source = other.parameter("ArrowExampleGen", "source") or one.parameter("ArrowExampleGen", "source")
    spans = span_changes(*examples, id_columns(source), most, label_column(source))
    corrected = tuple(() if found is None else corrections_of(found) for found in examples)
    data = one.fingerprints["data"] != other.fingerprints["data"] or corrected[0] != corrected[1]
    code = one.fingerprints["code"] != other.fingerprints["code"]
    both = sorted(one.nodes.keys() & other.nodes.keys())
    parameters = [
        InputChange(change.kind, f"{node}.{change.name}", change.before, change.after)
        for node in both
        for change in changes(other.nodes[node], one.nodes[node])
        if change.kind == "parameter"
    ]
    verdicts = one.verdict, other.verdict
    slices = [verdict.get("slices", {}) for verdict in verdicts]
    metrics = _deltas(*(run.verdict.get("metrics") or run.summary.get("metrics", {}) for run in (one, other)))
    same_eval = not any("eval" in change.splits for change in spans)
    measured, why = _measured(one, other) if with_intervals else (None, "")
    return RunComparison(
        before=before,
        after=after,
        verdict=VERDICTS[data, code],
        gain=gain_of(metrics if same_eval else {}, measured),
        rows=totals(spans),
        spans=spans,
        same_eval=same_eval,
        corrections=(corrected[0], corrected[1]),
        extra=(extra_of(examples[0]), extra_of(examples[1])),
        steps=(steps_of(examples[0]), steps_of(examples[1])),
        schema=schema_change(*(run.parameter("ImportSchemaGen", "schema_file") for run in (one, other))),
        settings=_settings(one.summary.get("settings"), other.summary.get("settings")),
        parameters=tuple(change for change in parameters if not _is_code(change) and not _is_incidental(change)),
        code=tuple(dict.fromkeys(_code_name(change) for change in parameters if _is_code(change))),
        champions=(_champion(one), _champion(other)),
        outcome=(_outcome(one), _outcome(other)),
        metrics=metrics,
        slices={name: _deltas(*(found.get(name, {}) for found in slices)) for name in sorted({*slices[0], *slices[1]})},
        intervals=measured,
        without_intervals=why,
    )


def _measured(one: _Run, other: _Run) -> tuple["Intervals | None", str]:
    """Intervals on the later run's eval rows, or the reason why there are none."""
    spans = [{file.span for file in run.files if file.split == "eval"} for run in (one, other)]
    if not spans[0] or spans[0] != spans[1]:
        return None, "the two runs were evaluated on different spans"
    models, kept = ([run.output(name) for run in (one, other)] for name in ("model", "predictions"))
    examples = other.output("examples")
    if models[0] is None or models[1] is None or examples is None:
        return None, "a run has no model"
    from pipeline.run_history.compare_intervals import intervals, slice_keys

    keys = slice_keys(other.parameter("ChampionEvaluator", "eval_config"))
    thresholds = [run.verdict.get("metrics", {}).get("threshold") for run in (one, other)]
    before, after = (0.5 if value is None else float(value) for value in thresholds)
    try:
        split = str(Path(examples.uri) / "Split-eval")
        predictions = None if None in kept else (kept[0].uri, kept[1].uri)
        contents = {one.uri: text_property(one, CONTENT) for one in (*models, *kept, examples) if one is not None}
        found = intervals(
            (models[0].uri, models[1].uri), split, keys, (before, after), predictions=predictions, contents=contents
        )
        return found, ""
    except InputError as exc:
        return None, str(exc)


def _load(store: "metadata_store.MetadataStore", home: Path, run_id: str) -> _Run:
    done = executions_of_run(store, run_id)
    artifacts = artifacts_by_id(store, (id_ for one in done for ids in one.outputs.values() for id_ in ids))
    return _Run(
        summary_of_run(home, run_id, unfinished=True), {one.node: one for one in done if one.succeeded}, artifacts
    )


def _is_code(change: InputChange) -> bool:
    return change.name.rpartition(".")[2] == "code" or OWN in change.name


def _code_name(change: InputChange) -> str:
    """The component, or the changed file of a custom module."""
    _, _, rest = change.name.partition(OWN)
    if rest.startswith("files."):
        return rest.removeprefix("files.")
    return change.name.partition(".")[0]


def _is_incidental(change: InputChange) -> bool:
    return change.name.partition(".")[2] in INCIDENTAL


def _settings(before: Any, after: Any) -> tuple[InputChange, ...] | None:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    # A run of an older version recorded former names: a rename is no change of a setting.
    with suppress(BothNamesError):  # no version wrote both; the difference is shown as it stands
        before, after = (with_present_names(settings)[0] for settings in (before, after))
    return tuple(_differing(before, after))


def _differing(before: dict[str, Any], after: dict[str, Any]) -> Iterable[InputChange]:
    for table in sorted(before.keys() | after.keys()):
        old, new = before.get(table), after.get(table)
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new and table not in ("path", "schema_path"):  # paths are not settings
                yield InputChange("setting", table, json.dumps(old), json.dumps(new))
            continue
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield InputChange("setting", f"[{table}] {key}", json.dumps(old.get(key)), json.dumps(new.get(key)))


def _champion(run: _Run) -> int | None:
    champion = run.output("champion")
    return (champion.custom_properties["version"].int_value or None) if champion is not None else None


def _outcome(run: _Run) -> str:
    if run.summary.get("stopped"):
        return f"stopped: {run.summary['stopped']}"
    pushed = run.output("pushed_model")
    version = "" if pushed is None else text_property(pushed, "pushed_version")
    if version:
        return f"pushed as v{version}"
    return "unfinished" if pushed is None else "not blessed"


def _deltas(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Delta]:
    names = [name for name in ("rows", *MAIN_METRICS) if name in before or name in after]
    return {name: _delta(before.get(name), after.get(name)) for name in names}


def _delta(before: float | None, after: float | None) -> Delta:
    return Delta(before, after, None if before is None or after is None else after - before)
