"""Messages for an invalid pipeline.toml: the key, the legal values, the given value."""

import re
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from components.shared.errors import ConfigError
from components.shared.texts.secrets import holds_secret, without_secrets
from components.shared.texts.suggestions import did_you_mean
from pipeline.settings.sections.section import ConfigSection

_SECRET = re.compile("password|token|secret")


def check_urls(path: Path, tables: object, place: tuple[str, ...] = ()) -> None:
    """Raises ConfigError for the first URL with credentials, since every run records its settings."""
    if isinstance(tables, dict):
        for key, value in tables.items():
            check_urls(path, value, (*place, str(key)))
    elif isinstance(tables, list):
        for value in tables:
            check_urls(path, value, place)
    elif isinstance(tables, str) and holds_secret(tables):
        where = f"[{place[0]}] {'.'.join(place[1:])}"
        raise ConfigError(
            on_a_line(
                f"{path}: {where}: '{without_secrets(tables)}' holds credentials, which every run would record; take "
                "them out and set environment variables instead, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "PGUSER and PGPASSWORD, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        )


def first_complaint(error: ValidationError, settings: type[ConfigSection]) -> str:
    """Returns the first error as `[table] key: legal values, given value`; `settings` is the model of the file."""
    # A misspelt key is two errors, unknown and missing; what it should have been is told by the first.
    first = min(error.errors(), key=lambda error: error["type"] != "extra_forbidden")
    place = [str(part) for part in first["loc"]]
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip() if place else "settings"
    if first["type"] == "extra_forbidden":
        table = _table(settings, place[:-1])
        return f"{where}: unknown key; {did_you_mean(place[-1], table.model_fields)}legal keys: {legal_keys(table)}"
    if first["type"] == "missing":
        return f"{where}: missing; it has no default"
    if first["type"] == "model_type":
        return f"{where}: must be a table, with the keys: {legal_keys(_table(settings, place))}"
    if first["type"] == "tuple_type":
        return f"{where}: must be an array, not {first['input']!r}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return message if not place else f"{where}: {message}"
    if any(_SECRET.search(part) for part in place):  # somebody may have written the secret itself there
        return f"{where}: must be the name of an environment variable, which holds the secret"
    return f"{where}: {message[0].lower()}{message[1:]}, not {first['input']!r}"


def on_a_line(message: str) -> str:
    """Puts a message on one line of at most 500 characters."""
    message = " ".join(message.split())
    return message if len(message) <= 500 else f"{message[:500]} ..."


def legal_keys(table: type[ConfigSection]) -> str:
    """Returns the keys of a table, separated by commas."""
    return ", ".join(name for name in table.model_fields if name != "path")


def _table(settings: type[ConfigSection], place: list[str]) -> type[ConfigSection]:
    """The model that describes the table at `place`."""
    table = settings
    for part in place:
        if part not in table.model_fields:
            continue  # the name or number of one of several tables
        annotation = table.model_fields[part].annotation
        kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        table = next((kind for kind in kinds if issubclass(kind, ConfigSection)), table)
    return table
