"""A small dataset whose requests were logged, for tests of labels that come back."""

from pathlib import Path

import numpy as np

from serving.request_log.records import Label, Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import NOON

SETTINGS = """
[dataset]
name = "loans"
label = "repaid"
positive = "yes"
id = ["loan_id"]

[data]
directory = "data"
pattern = "span-{span}.csv"

[features]
categorical = ["purpose"]
numeric = ["amount"]

[registry]
push = "none"

[retraining]
min_rows = 1
holdout = 0.25
"""

SCHEMA = """
feature { name: "loan_id" type: BYTES value_count { min: 1 max: 1 } presence { min_fraction: 1.0 min_count: 1 } }
feature { name: "purpose" type: BYTES value_count { min: 1 max: 1 } }
feature { name: "amount" type: FLOAT value_count { min: 1 max: 1 } }
feature { name: "clerk" type: BYTES value_count { min: 1 max: 1 } }
feature { name: "repaid" type: BYTES value_count { min: 1 max: 1 } string_domain { value: "no" value: "yes" } }
"""
HOME = Path("runs") / "loans"
LOG = HOME / "requests"


def make(folder: Path, settings: str = SETTINGS) -> None:
    """Writes settings, schema and two spans; the folder is the working directory of what follows."""
    place = folder / "schemas" / "loans"
    place.mkdir(parents=True)
    (place / "pipeline.toml").write_text(settings)
    (place / "schema.pbtxt").write_text(SCHEMA)
    (folder / "data").mkdir()
    for span in (1, 2):
        (folder / "data" / f"span-{span}.csv").write_text("loan_id,purpose,amount,clerk,repaid\na,car,1,x,yes\n")
    (folder / LOG).mkdir(parents=True)


def record(name: str, label: Label = "live", rows: int = 2, time: int = NOON, status: int = 200) -> Records:
    """A request."""
    return Records(
        model="loans",
        version=1,
        label=label,
        request_id=name,
        time=time,
        latency=0.001,
        status=status,
        features={"purpose": np.array([b"car"] * rows, object), "amount": np.arange(rows, dtype=np.float32)},
        outputs={"probability": np.full(rows, 0.5, np.float32)},
    )


def serve(folder: Path, names: list[str], label: Label = "live", rows: int = 2, time: int = NOON, status: int = 200):
    """Logs requests."""
    writer = RequestLogWriter(folder / LOG, LogSettings(synchronous=True))
    for number, name in enumerate(names):
        assert writer.append(record(name, label, rows, time + number, status)).result(60)
    writer.close()


def feedback_file(folder: Path, lines: list[str]) -> str:
    """Writes a file of labels."""
    (folder / "labels.csv").write_text("\n".join(["request_id,row,repaid", *lines]) + "\n")
    return "labels.csv"
