"""The content of a model card (M. Mitchell et al., Model Cards for Model Reporting, 2019) in any format."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.model_card.content import CardItems, CardSection, CardTable, CardText, ModelCard, PushedVersion
from components.shared.statistics.metric_names import LOWER_IS_BETTER, METRIC_NAMES
from components.shared.statistics.slice_sizes import EVERY_SLICE

MAX_ROWS = 60
"""Maximum rows of a table; the number of rows left out is stated."""
UNKNOWN = "unknown"
TASKS = {
    "binary": "whether {label} is positive, as a probability",
    "multiclass": "the class {label}, as a probability of each",
    "regression": "the number {label}",
}
OF_METRICS = (
    "Metrics on the eval split, which was not used for training. Confidence intervals cover the sampling of the eval "
    "rows, not the randomness of training. The prior predicts the same value for every row; linear is a regression on "
    "one-hot and standardised features, fitted to at most 20,000 train rows."
)


def model_card(
    about: Mapping[str, Any],
    data: Mapping[str, Any],
    verdict: Mapping[str, Any],
    errors: Mapping[str, Any],
    fingerprints: Mapping[str, str],
    tried: Mapping[str, Any] | None = None,
    pushed: PushedVersion | None = None,
) -> ModelCard:
    """Builds the model card of a model that is pushed.

    Args:
      about: `dataset`, `label`, `task`, and if known `features`, `evaluation` (section [evaluation] of pipeline.toml),
        `stated` (section [model_card]) and `dvc`.
      data: `spans` and `rows` by split, `unlabelled` by split, `corrections` and `type_mismatches` as ingest
        records them.
      verdict: verdict.json.
      errors: errors.json; empty if there was no error analysis.
      fingerprints: `data` and `code`.
      tried: The candidates of model selection, see serving_contract.MEMBERS; None if the trainer does not record them.
      pushed: Version, time and run of the push; None leaves them out.
    """
    policy = about.get("evaluation") or {}
    sections = [
        _model(about, verdict, fingerprints, pushed),
        _use(about),
        *([_loading(pushed)] if pushed else []),
        _members(tried or {}),
        _data(data, about),
        _metrics(verdict),
        _champion(verdict, policy),
        _slices(verdict, policy),
        fairness(verdict),
        _weakest(errors),
        _limits(data, verdict, policy),
    ]
    spans, rows = data.get("spans", {}), data.get("rows", {})
    learned, evaluated = (f"{rows.get(split, 0):,} rows{_of_spans(spans, split)}" for split in ("train", "eval"))
    return ModelCard(
        f"Model card: {about['dataset']}" + (f", version {pushed.version}" if pushed else ""),
        f"Predicts {TASKS[about['task']].format(label=about['label'])}. "
        f"Trained on {learned}, evaluated on {evaluated}.",
        tuple(section for section in sections if section is not None),
    )


def _model(
    about: Mapping[str, Any], verdict: Mapping[str, Any], fingerprints: Mapping[str, str], pushed: PushedVersion | None
) -> CardSection:
    rows = [("Dataset", about["dataset"]), ("Label", about["label"]), ("Task", about["task"])]
    if pushed:
        rows = [("Version", pushed.version), ("Created", pushed.created), ("Run", pushed.run_id or UNKNOWN), *rows]
    rows += [("Owner", _stated(about, "owner")), ("Licence", _stated(about, "licence"))]
    if features := about.get("features"):
        rows.append((f"Features ({len(features)})", ", ".join(features)))
    threshold = verdict["metrics"].get("threshold")
    if threshold is not None:
        by = decided_by(about.get("evaluation") or {})
        rows.append(("Decision threshold", f"{threshold:g}, selected on the validation split by {by}"))
    rows += [(f"Fingerprint of {name}", value) for name, value in fingerprints.items() if value]
    return CardSection("Model", (CardTable(("", ""), tuple((name, str(value)) for name, value in rows), words=True),))


def _stated(about: Mapping[str, Any], key: str) -> str:
    """A text of [model_card], or a note that it is not stated."""
    return (about.get("stated") or {}).get(key) or f"not stated ([model_card] {key} in pipeline.toml)"


def _use(about: Mapping[str, Any]) -> CardSection:
    rows = (("Intended use", _stated(about, "intended_use")), ("Out of scope", _stated(about, "out_of_scope")))
    return CardSection("Intended use", (CardTable(("", ""), rows, words=True),))


def _loading(pushed: PushedVersion) -> CardSection:
    return CardSection(
        "How to load it",
        (
            CardText("A TensorFlow SavedModel; TensorFlow Serving serves the registry's folder. In Python:"),
            CardText(f'tf.saved_model.load("{pushed.location}").signatures["serving_default"]'),
            CardText(
                "The signature takes one tensor for each feature; `structured_input_signature` lists names and types."
            ),
        ),
    )


def _members(tried: Mapping[str, Any]) -> CardSection | None:
    """The candidates of model selection, with their weights and the reasons."""
    if not tried.get("members"):
        return None
    rows = tuple((one["name"], f"{one['weight']:.2f}", one["reason"]) for one in tried["members"])
    return CardSection("Model selection", (CardTable(("Candidate", "Weight", "Reason"), rows, words=True),))


def _data(data: Mapping[str, Any], about: Mapping[str, Any]) -> CardSection:
    rows, spans, unlabelled = (data.get(name) or {} for name in ("rows", "spans", "unlabelled"))
    table = CardTable(
        ("Split", "Spans", "Rows", "Dropped without a label"),
        tuple(
            (split, _spans(spans.get(split, [])), f"{rows.get(split, 0):,}", f"{unlabelled.get(split, 0):,}")
            for split in rows
        ),
    )
    sentences = [
        "Corrected by hand: "
        + ", ".join(f"{one.get(what, 0):,} {what}" for what in ("relabelled", "changed", "dropped"))
        + f" ({one.get('name', 'corrections')})."
        for one in data.get("corrections") or []
    ]
    sentences += [
        f"{one['count']:,} values of {one['column']} did not fit its type and count as missing ({one['file']})."
        for one in data.get("type_mismatches") or []
    ]
    if dvc := about.get("dvc"):
        sentences += [f"DVC {name}: {value}." for name, value in dvc.items() if value]
    return CardSection("Data", (table, CardItems(tuple(sentences or ["No row was corrected by hand."]))))


def _metrics(verdict: Mapping[str, Any]) -> CardSection:
    ours, intervals = verdict["metrics"], verdict.get("intervals") or {}
    others = dict(verdict.get("baselines") or {})
    if champion := verdict.get("champion"):
        others = {f"champion (version {champion['version']})": champion["metrics"], **others}
    table = CardTable(
        ("Metric", "Value", "95 % interval", *(name.capitalize() for name in others)),
        tuple(
            (
                METRIC_NAMES[name],
                _figure(ours[name]),
                _interval(intervals.get(name)),
                *(_figure(values.get(name)) if name in values else "" for values in others.values()),
            )
            for name in METRIC_NAMES
            if name in ours
        ),
    )
    warnings = tuple(_sentence(one) for one in verdict.get("warnings") or [])
    return CardSection("Metrics", (table, CardText(OF_METRICS), *([CardItems(warnings)] if warnings else [])))


def _champion(verdict: Mapping[str, Any], policy: Mapping[str, Any]) -> CardSection:
    limits = [
        f"{'On every large slice' if key.startswith('slice') else 'Overall'}, {METRIC_NAMES.get(name, name)}: "
        f"at {'most' if name in LOWER_IS_BETTER else 'least'} {value:g}."
        for key in ("thresholds", "slice_thresholds")
        for name, value in (policy.get(key) or {}).items()
    ]
    limits += [
        f"Not worse than the champion{' on any large slice' if key.startswith('slice') else ''} by more than the "
        f"tolerance, {METRIC_NAMES.get(name, name)}: {value:g}."
        for key in ("tolerance", "slice_tolerance")
        for name, value in (policy.get(key) or {}).items()
        if verdict.get("champion")
    ]
    if not verdict.get("champion"):
        first = "There was no champion to compare with: only absolute thresholds and baselines apply."
        return CardSection("Evaluation policy", (CardItems((*limits, first)),))
    return CardSection(
        "Evaluation policy", (*((CardItems(tuple(limits)),) if limits else ()), *against_champion(verdict))
    )


def against_champion(verdict: Mapping[str, Any]) -> tuple[CardText | CardTable, ...]:
    """Returns the rule for differences to the champion, and the comparisons; verdict.json needs a champion.

    Comparisons beyond MAX_ROWS are left out; overall metrics come first.
    """
    compared = verdict.get("comparisons") or []
    text = (
        f"Compared with version {verdict['champion']['version']} on the same rows. The candidate violates a change "
        "threshold only where it is worse by more than the tolerance and significantly worse. The detectable loss is "
        "the true loss that this test detects with 90 % power."
    )
    if not compared:
        return (CardText(text),)
    table = CardTable(
        ("Metric", "Difference", "p (no worse)", "Significantly worse", "Detectable loss"),
        tuple(
            (
                METRIC_NAMES.get(one["metric"], one["metric"]) + (f", {one['slice']}" if one["slice"] else ""),
                _figure(one["difference"], sign=True),
                probability(one["p_value"]),
                {True: "yes", False: "no"}.get(one["significant"], UNKNOWN),
                _figure(one["detectable"]),
            )
            for one in compared[:MAX_ROWS]
        ),
    )
    return CardText(text), table


def _slices(verdict: Mapping[str, Any], policy: Mapping[str, Any]) -> CardSection | None:
    slices, intervals = verdict.get("slices") or {}, verdict.get("slice_intervals") or {}
    if not slices:
        return None
    shown = [
        name for name in METRIC_NAMES if name in verdict["metrics"] and name not in ("precision", "recall", "mae")
    ][:3]
    least = policy.get("min_slice_rows", EVERY_SLICE)
    ordered = sorted(slices, key=lambda name: (-(slices[name].get("rows") or 0), name))
    rows = []
    for name in ordered[:MAX_ROWS]:
        values, ends = slices[name], intervals.get(name) or {}
        small = " (too small to judge)" if (values.get("rows") or 0) < least else ""
        cells = [
            f"{_figure(values.get(metric))}{f' ({_interval(ends[metric])})' if metric in ends else ''}"
            for metric in shown
        ]
        rows.append((name + small, f"{values.get('rows') or 0:,.0f}", *cells))
    table = CardTable(("Slice", "Rows", *(METRIC_NAMES[name] for name in shown)), tuple(rows))
    cut = (
        (CardText(f"{len(ordered) - MAX_ROWS:,} smaller slices are in verdict.json."),)
        if len(ordered) > MAX_ROWS
        else ()
    )
    return CardSection("Metrics by slice", (table, *cut))


def fairness(verdict: Mapping[str, Any]) -> CardSection | None:
    """Returns the groups of each sensitive column and their disparities; None if no column is sensitive."""
    found = verdict.get("fairness") or {}
    if not found.get("groups"):
        return None
    names = ("rows", "base_rate", "positive_rate", "true_positive_rate", "false_positive_rate", "precision", "bias")
    blocks: list[CardText | CardItems | CardTable] = []
    for column, groups in found["groups"].items():
        blocks.append(
            CardTable(
                (column, *(_plain(name) for name in names)),
                tuple(
                    (value, f"{metrics['rows']:,.0f}", *(_figure(metrics.get(name)) for name in names[1:]))
                    for value, metrics in list(groups.items())[:MAX_ROWS]
                ),
            )
        )
    blocks.append(
        CardItems(
            tuple(
                f"{_plain(gap['metric'])}: {gap['high']} is {gap['value']:.4f} above {gap['low']} ({gap['column']})"
                + ("" if gap["significant"] else ", not significant")
                + (f"; at most {gap['limit']:g} is allowed." if gap.get("limit") is not None else ".")
                for gap in found.get("gaps") or []
            )
        )
    )
    blocks.append(
        CardText(
            "Base rate is the share of positive rows; bias is the mean probability minus that share. If base rates "
            "differ, not all disparities can be 0 at once."
        )
    )
    return CardSection("Fairness", tuple(blocks))


def _weakest(errors: Mapping[str, Any]) -> CardSection | None:
    if not errors:
        return None
    sentences = (CardText(_sentence(str(errors["says"]))),) if errors.get("says") else ()
    rows = tuple(
        (
            str(one.get("slice", "")),
            f"{one.get('rows', 0):,}",
            _figure(one.get("value")),
            _figure(one.get("rest")),
            _figure(one.get("weight")),
        )
        for one in (errors.get("slices") or [])[:10]
    )
    table = (
        (CardTable(("Slice", "Rows", "Mean loss", "Mean loss elsewhere", "Contribution to overall loss"), rows),)
        if rows
        else ()
    )
    return CardSection("Weak slices", (*sentences, *table)) if sentences or table else None


def _limits(data: Mapping[str, Any], verdict: Mapping[str, Any], policy: Mapping[str, Any]) -> CardSection:
    spans = (data.get("spans") or {}).get("eval", [])
    sentences = [
        f"Evaluated on {_spans(spans)} only; performance at other times is unknown."
        if spans and spans != (data.get("spans") or {}).get("train")
        else "Evaluated on rows of the same file as the train split; performance at other times is unknown.",
        "Evaluated on recorded rows, not on live requests; effects of the model's own decisions are not included.",
    ]
    slices = verdict.get("slices") or {}
    least = policy.get("min_slice_rows", EVERY_SLICE)
    small = sorted(name for name, values in slices.items() if (values.get("rows") or 0) < least)
    if small:
        more = f" and {len(small) - 10:,} more" if len(small) > 10 else ""
        sentences.append(f"Not evaluated, with fewer than {least:,} eval rows: {', '.join(small[:10])}{more}.")
    if not slices:
        sentences.append("Not evaluated on slices: the overall metrics may hide groups on which the model fails.")
    if not (verdict.get("fairness") or {}).get("groups"):
        sentences.append("Not evaluated for fairness: no column is named as sensitive.")
    if unknown := [
        METRIC_NAMES[name] for name in METRIC_NAMES if name in verdict["metrics"] and verdict["metrics"][name] is None
    ]:
        sentences.append(f"Undefined on these rows: {', '.join(unknown)}.")
    missing = (data.get("unlabelled") or {}).get("eval", 0)
    if missing:
        sentences.append(f"{missing:,} eval rows have no label and may differ from those that have one.")
    return CardSection("Limits", (CardItems(tuple(sentences)),))


def decided_by(policy: Mapping[str, Any]) -> str:
    """Names the criterion of the decision threshold: "f1", "precision of at least 0.8"."""
    by = policy.get("threshold_metric") or policy.get("decide_by", "f1")
    return by if isinstance(by, str) else ", ".join(f"{name} of at least {least:g}" for name, least in by.items())


def probability(p: float | None) -> str:
    """Formats a p-value with two digits; small ones as "< 0.0001"."""
    if p is None or p != p:
        return UNKNOWN
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def places(value: float, most: int = 4) -> int:
    """Returns the decimal places of a number: `most`, minus one for each integer digit beyond the first."""
    size = abs(value)
    return max(0, most - (len(f"{size:.0f}") - 1)) if 10 <= size < float("inf") else most


def _figure(value: Any, sign: bool = False) -> str:
    if value is None or value != value:
        return UNKNOWN
    return f"{value:{'+' if sign else ''},.{places(value)}f}"


def _interval(ends: Sequence[float] | None) -> str:
    return f"{ends[0]:,.{places(ends[1])}f} to {ends[1]:,.{places(ends[1])}f}" if ends else ""


def _spans(found: Sequence[int]) -> str:
    if not found:
        return "one file"
    return f"span {found[0]}" if len(found) == 1 else f"spans {found[0]} to {found[-1]}"


def _of_spans(spans: Mapping[str, Sequence[int]], split: str) -> str:
    return f" of {_spans(spans[split])}" if spans.get(split) and spans.get("train") != spans.get("eval") else ""


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
