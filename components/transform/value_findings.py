"""Writes the check of each column's values to values.json beside the transform graph, and applies the policy."""

import json
from collections.abc import Sequence

from components.shared.errors import GateBlocked
from components.shared.features.distinct_values import ValueRetention

FILE, POLICY = "values.json", "values"
"""File in the transform graph's folder; key of the policy in Transform's custom_config."""


def record_values(kept: Sequence[ValueRetention], output: str, policy: str) -> None:
    """Writes values.json, a list of distinct_values.ValueRetention.

    Args:
      kept: Entry of each column.
      output: Folder or URL of the transform graph.
      policy: What a finding does: block, warn or ignore.

    Raises:
      GateBlocked: There is a finding, and the policy is `block`.
    """
    import tensorflow as tf

    found = [one for one in kept if one.finding]
    if found and policy == "block":
        first = found[0]
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise GateBlocked(
            f"values are lost between the data and the model: {' '.join(first.column.split())}: {first.finding}{more}; "
            "keep such a number as an integer of its smallest unit, or as the difference to a fixed value, "
            'or set [gate] values = "warn"'
        )
    rows = [{**one.to_json(), **({"finding": ""} if policy == "ignore" else {})} for one in kept]
    with tf.io.gfile.GFile(f"{output.rstrip('/')}/{FILE}", "w") as file:
        file.write(json.dumps(rows))
