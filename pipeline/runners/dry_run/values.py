"""Parameter values: from text by their declared type, and to text as KFP writes them."""

import json
from decimal import Decimal
from typing import Any

from components.shared.errors import UsageError
from pipeline.runners.dry_run.spec import Spec


def given_parameters(spec: Spec, given: dict[str, str]) -> dict[str, Any]:
    """The pipeline's parameters for a run: what was given, else the defaults; None for an optional one without.

    Raises:
      UsageError: An unknown parameter, a value that is not of the declared type, or a required one missing.
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
            raise UsageError(f"{spec.path}: parameter {name} has no default; --param {name}=VALUE gives it")
    return values


def from_text(text: str, kind: str) -> Any:
    """A value out of text (v2/metadata/converter.go, TextToPbValue).

    Args:
      text: As written to an output parameter's file or given on the command line.
      kind: parameterType of the spec.

    Raises:
      ValueError: The text is no such value; the message says what was expected.
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
    """A value as the launcher puts it in place of a placeholder: 3 for 3.0, true, compact JSON for lists."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # the shortest text that reads back as the same, without an exponent
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Numbers as protobuf's JSON writes them: 3 for 3.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value
