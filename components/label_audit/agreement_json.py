"""Inter-annotator agreement as JSON: `agreement` in labels.json and in the output of `plumbline audit --json`."""

from dataclasses import asdict
from typing import Any

from components.label_audit.agreement import Agreement
from components.label_audit.recommendations import recommendations


def agreement_json(found: Agreement) -> dict[str, Any]:
    """Returns the fields of `Agreement`, and `advice`: the recommendations as text."""
    return {**asdict(found), "advice": recommendations(found)}
