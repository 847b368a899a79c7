"""Compares the schemas of two runs by feature."""

from dataclasses import dataclass
from pathlib import Path

from components.shared.errors import ConfigError
from pipeline.run_history.lineage import schema_digest


@dataclass(frozen=True)
class SchemaComparison:
    """Digests before and after, and names of added, removed and changed features."""

    sha256: tuple[str, str]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        parts = {"added": self.added, "removed": self.removed, "changed": self.changed}
        named = "; ".join(f"{what} {', '.join(names)}" for what, names in parts.items() if names)
        return f"{self.sha256[0][:16]} -> {self.sha256[1][:16]}: {named or 'no feature: domains or comments'}"


def schema_change(before: str, after: str) -> SchemaComparison | None:
    """Compares the pinned schemas at two paths; None if they are equal, or if a run has no schema."""
    digests = tuple(schema_digest(path) for path in (before, after))
    # A pinned schema's folder is named by the prefix of its digest, which remains if the file was deleted.
    if not all(digests) or Path(before).parent.name == Path(after).parent.name or digests[0] == digests[1]:
        return None
    was, is_ = _features(before), _features(after)
    if was is None or is_ is None:
        return SchemaComparison((digests[0], digests[1]), (), (), ())
    return SchemaComparison(
        (digests[0], digests[1]),
        tuple(sorted(is_.keys() - was.keys())),
        tuple(sorted(was.keys() - is_.keys())),
        tuple(sorted(name for name in was.keys() & is_.keys() if was[name] != is_[name])),
    )


def _features(path: str) -> dict[str, bytes] | None:
    """Feature name -> serialised feature, including its shared string domain."""
    from components.table_reading.column_types import parse_schema  # loads Arrow, which only this needs

    try:
        schema = parse_schema(Path(path).read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError, ConfigError):
        return None
    domains = {domain.name: domain.SerializeToString(deterministic=True) for domain in schema.string_domain}
    return {
        feature.name: feature.SerializeToString(deterministic=True) + domains.get(feature.domain, b"")
        for feature in schema.feature
    }
