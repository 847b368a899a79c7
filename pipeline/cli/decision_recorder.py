"""Records a decision that was made in the dashboard in ML Metadata; the model server starts it as a process.

python -m pipeline.cli.decision_recorder --dataset NAME --root DIR < decision.json
"""

import argparse
import json
import sys
from pathlib import Path

from components.shared.errors import PlumblineError
from pipeline.cli.decision_records import record_in_metadata
from pipeline.cli.resources import registry_of
from pipeline.metadata.decisions import VersionDecision
from pipeline.process.standard_streams import say


def main() -> int:
    """Reads the fields of a VersionDecision as JSON from standard input; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--root", type=Path, required=True)
    parsed = parser.parse_args()
    try:
        done = record_in_metadata(parsed, registry_of(parsed), VersionDecision(**json.load(sys.stdin)))
    except PlumblineError as error:
        say(f"plumbline: {error}")
        return error.exit_code
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
