"""Converts parameter values from text by their declared type, and to text as KFP does."""

import json
from decimal import Decimal
from typing import Any

from components.shared.errors import UsageError
from pipeline.runners.dry_run.spec import Spec


def given_parameters(spec: Spec, given: dict[str, str]) -> dict[str, Any]:
    """Resolves the pipeline's parameters from the command line and the defaults.

    Args:
      spec: The pipeline.
      given: Name -> text, from the command line.

    Returns:
      Name -> value; None for an optional parameter without a value.

    Raises:
      UsageError: A parameter is unknown, has an illegal value, or is required and missing.
    """
    for name in given.keys() - spec.parameters.keys():
        raise UsageError(
            f"--param {name}: legal: {', '.join(sorted(spec.parameters)) or 'none, the pipeline has none'}"
        )
    values: dict[str, Any] = {}
    for name, declared in spec.parameters.items():
        if name in given:
            try:
                values[name] = from_text(given[name], declared.get("parameterType", ""))
            except ValueError as exc:
                raise UsageError(f"--param {name}={given[name]}: {exc}") from exc
        elif "defaultValue" in declared:
            values[name] = plain(declared["defaultValue"])
        elif declared.get("isOptional"):
            values[name] = None
        else:
            raise UsageError(f"{spec.path}: parameter {name} has no default; give --param {name}=VALUE")
    return values


def from_text(text: str, kind: str) -> Any:
    """Parses a value (v2/metadata/converter.go, TextToPbValue).

    Args:
      text: Content of an output parameter's file, or text of the command line.
      kind: parameterType of the spec.

    Raises:
      ValueError: The text is not a value of this type; the message names the expected type.
    """
    stripped = text.strip()
    try:
        if kind == "STRING":
            return text
        if kind == "NUMBER_INTEGER":
            return int(stripped)
        if kind == "NUMBER_DOUBLE":
            return plain(float(stripped))
        if kind == "BOOLEAN":
            return {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}[stripped.lower()]
        value = json.loads(text)
    except (ValueError, KeyError):
        raise ValueError(f"expected {kind or 'a parameterType'}, got {stripped[:80]!r}") from None
    if not isinstance(value, {"LIST": list, "STRUCT": dict}.get(kind, ())):
        raise ValueError(f"expected {kind or 'a parameterType'}, got {stripped[:80]!r}")
    return value


def to_text(value: Any) -> str:
    """Formats a value as the launcher inserts it for a placeholder: 3 for 3.0, true, compact JSON for lists."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # shortest text that parses to the same number, without exponent
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Converts numbers to those of protobuf's JSON: 3 for 3.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value
