"""Checks of classes before a run: missing positive class, classes in one split only, spelling maps."""

from collections import Counter
from collections.abc import Mapping

from components.shared.class_counts import class_sets, named
from components.shared.errors import ConfigError, InputError
from components.table_reading.column_types import parse_schema
from pipeline.onboarding.schema.pbtxt_editor import domain_of
from pipeline.settings.config import Config


def check_spelled(config: Config, columns: Mapping[str, str]) -> None:
    """Raises ConfigError for spelling maps of missing or non-text columns, and for an illegal other_class."""
    for column in config.data.values:
        if column not in columns:
            raise ConfigError(f"{config.path}: [data.values] '{column}' is not in {config.schema_path}")
        if columns[column].removeprefix("list:") != "string":
            raise ConfigError(
                f"{config.path}: [data.values] '{column}' is {columns[column]} in {config.schema_path}; only text "
                "columns have spelling variants"
            )
    if missing := [new for new in config.data.renamed if new not in columns]:
        raise ConfigError(f"{config.path}: [data] renamed: '{missing[0]}' is not in {config.schema_path}")
    if not (other := config.dataset.other_class):
        return
    label = config.dataset.label
    if columns[label] != "string":
        raise ConfigError(f"{config.path}: [dataset] other_class: '{label}' is not a text column; remove other_class")
    schema = parse_schema(config.schema_path.read_text("utf-8-sig"), str(config.schema_path))
    domain = domain_of(schema, next(one for one in schema.feature if one.name == label))
    if domain is not None and other not in domain.value:
        raise ConfigError(
            f"{config.path}: [dataset] other_class: '{other}' is no value of the domain of '{label}' in "
            f"{config.schema_path}; add it there"
        )


def check_positive(config: Config, labels: Mapping[str, Mapping[str, int]], columns: Mapping[str, str]) -> None:
    """Raises InputError if a split has no row with the positive class of a binary text label.

    Args:
      config: Settings.
      labels: Split -> label value -> number of rows.
      columns: Column -> type alias.
    """
    dataset = config.dataset
    if dataset.task != "binary" or not isinstance(dataset.positive, str) or columns[dataset.label] != "string":
        return
    for split in ("train", "eval"):
        counts = labels.get(split, {})
        if counts and dataset.positive not in counts:
            raise InputError(
                f"{config.path}: no row of split {split} has the positive class '{dataset.positive}' in the label "
                f"column '{dataset.label}'; available: {named(dict(Counter(counts).most_common()))}; a model cannot "
                f"{'learn' if split == 'train' else 'be evaluated'} without it; correct [dataset] positive, or "
                "[data.values] if the data spells it differently"
            )


def class_warnings(config: Config, labels: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Returns warnings about classes that occur in one split only."""
    if config.dataset.task == "regression" or not all(labels.get(split) for split in ("train", "eval")):
        return []
    learned: Counter[str] = Counter(labels["train"])
    learned.update(labels.get("extra", {}))
    found = class_sets(learned, labels["eval"])
    return [
        f"{config.dataset.label}: {text}"
        for text in (found.unseen_text(config.dataset.task), found.vanished_text())
        if text
    ]
