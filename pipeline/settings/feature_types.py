"""The features of a dataset by kind, as its components are told them: with what the schema says of dates and lists."""

from collections.abc import Mapping
from typing import Any

from components.shared.errors import ConfigError
from components.shared.features.calendar_parts import DATE, MOMENT
from components.shared.features.derived_features import candidates, expanded
from components.shared.images.statistic_names import statistics_columns
from pipeline.settings.config import Config

DAY_SECONDS = 86_400.0
ANNOTATION_TYPES = ("string", "int64", "bool")
"""Type aliases of columns that can hold an annotator's labels: agreement compares classes."""


def feature_kinds(config: Config, types: Mapping[str, str]) -> dict[str, Any]:
    """[features] for components.

    Besides `categorical`, `numeric`, `cyclical` (with times of day) and `min_count`: `dates` and `moments` (column ->
    unit, see calendar_parts; `moments` with the row's own time), `lists` (column -> type of its values), `separators`,
    and `derived`: the names of all `numeric` and `cyclical` columns that can be derived from these, see
    components/shared/features/derived_features.py.

    Args:
      config: The settings.
      types: Column -> type alias, see arrow_example_gen/columns.py.
    """
    features, time = config.features, config.dataset.time
    found: dict[str, Any] = {
        "categorical": list(features.categorical),
        "numeric": list(features.numeric),
        "cyclical": {**features.cyclical, **dict.fromkeys(features.times, DAY_SECONDS)},
        "text": list(features.text),
        "image": list(features.image),
        "min_count": features.min_count,
    }
    if not features.dates and not features.lists:
        return found
    dates = {name: types[name] for name in features.dates}
    lists = {name: types[name].removeprefix("list:") for name in features.lists}
    numeric, cyclical = candidates(dates, (time, types[time]) if time else None, lists)
    return {
        **found,
        "dates": dates,
        "lists": lists,
        "moments": {**dates, **({time: types[time]} if time and dates else {})},
        "separators": {name: config.data.list_separator[name] for name in lists if name in config.data.list_separator},
        "derived": {"numeric": numeric, "cyclical": cyclical},
    }


def by_kind(features: Mapping[str, Any]) -> dict[str, Any]:
    """{categorical, numeric, cyclical} with all columns derived from dates and lists, and `lists` and `min_count`.

    Statistics of images are among the numeric columns.

    For what reads examples and not the transform graph; list_items.py adds columns of the values of lists.
    """
    every = expanded(features)
    every["numeric"] += statistics_columns(features.get("image", ()))
    more = {kind: every[kind] for kind in ("lists", "min_count") if every.get("lists")}
    return {**{kind: every[kind] for kind in ("categorical", "numeric", "cyclical", "text", "image")}, **more}


def is_ordered(config: Config) -> bool:
    """Whether rows to learn from are earlier than those that come."""
    return config.data.has_spans or bool(config.dataset.time)


def check_kinds(config: Config, types: Mapping[str, str]) -> None:
    """ConfigError where a column's type in the schema does not fit what the settings say of it."""
    features, data = config.features, config.data
    wanted: list[tuple[str, str, tuple[str, ...]]] = []
    wanted += [("[dataset] time", config.dataset.time, (DATE, MOMENT))] if config.dataset.time else []
    wanted += [("[features] dates", name, (DATE, MOMENT)) for name in features.dates]
    wanted += [("[features] times", name, ("time", "duration", "float64", "int64")) for name in features.times]
    lists = ("list:string", "list:int64", "list:float64")
    wanted += [("[features] lists", name, lists) for name in features.lists]
    wanted += [("[features] image", name, ("image",)) for name in features.image]
    wanted += [("[data] list_separator", name, lists) for name in data.list_separator]
    wanted += [("[data] date_format", name, (DATE, MOMENT)) for name in data.date_format]
    wanted += [("[data] latest_year", name, (DATE, MOMENT)) for name in data.latest_year]
    wanted += [("[audit] annotators", name, ANNOTATION_TYPES) for name in config.audit.annotators]
    for key, name, legal in wanted:
        if types[name] not in legal:
            raise ConfigError(
                f"{config.path}: {key}: '{name}' is {types[name]} in {config.schema_path}, and has to be "
                f"{' or '.join(legal)}"
            )
