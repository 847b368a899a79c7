"""Base class of the tables of pipeline.toml: frozen and strict."""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

Policy = Literal["block", "warn"]
Task = Literal["binary", "multiclass", "regression"]
Names = tuple[str, ...]


class ConfigSection(BaseModel):
    """One table of pipeline.toml: frozen, no unknown keys, no silent conversion ("3" is not 3)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def __hash__(self) -> int:
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))  # the fields' own: a dict has none

    @model_validator(mode="before")
    @classmethod
    def _arrays_are_tuples(cls, table: Any) -> Any:
        """Converts TOML arrays to tuples, so that settings are hashable and immutable."""
        return {key: _frozen(value) for key, value in table.items()} if isinstance(table, dict) else table


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
