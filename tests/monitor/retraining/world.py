"""A registry, a store and a training process of which only the training itself is a small script."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from components.registry.registry import Aliases, Registry
from monitor.retraining.inbox import Inbox
from monitor.retraining.look import Retrainer
from monitor.retraining.settings import RetrainingSettings
from monitor.retraining.steps import RetrainingDependencies, WrittenSpans
from monitor.store import MonitorStore
from serving.canary.policy import CanaryPolicy
from tests.serving.canary.arms import drawn

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
CANARY = CanaryPolicy(step_minutes=0)

TRAINING = """
import json, sys
from pathlib import Path
from components.registry.registry import Registry
place, code, pushes = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "push"
print("two lines", file=sys.stderr); print("of messages", file=sys.stderr)
with (place / "trained.txt").open("a") as file:
    file.write(sys.argv[4] + "\\n")
pushed = None
if code == 0 and pushes:
    model = place / "model"
    model.mkdir(exist_ok=True)
    (model / "saved_model.pb").write_bytes(b"retrained")
    pushed = Registry(place / "registry").push(model, {"spans": {}}, alias="none")
if sys.argv[3] == "submit":
    print(json.dumps({"run_id": "kfp-1", "url": "http://kfp/1"}))
elif code in (0, 3):
    said = {"run_id": "run-9", "report": "runs/report.html", "pushed": pushed}
    print(json.dumps({**said, "violation_texts": ["auc is worse"], "stopped": "flight is missing" if code else None}))
sys.exit(code)
"""


@dataclass
class World:
    """The parts of a retrainer in a folder, with what happened to them."""

    folder: Path
    settings: RetrainingSettings = field(default_factory=lambda: RetrainingSettings(min_rows=1, training_cost=5.0))
    canary: CanaryPolicy = CANARY
    harm: float = 0.01
    code: int = 0
    push: str = "push"
    ended: str = ""
    decisions: list[tuple[str, int]] = field(default_factory=list)
    spans: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry(self.folder / "registry")
        if self.registry.labels() is None:
            model = self.folder / "first"
            model.mkdir()
            (model / "saved_model.pb").write_bytes(b"first")
            self.registry.push(model, {"created": "2026-11-01T00:00:00+00:00"})
        self.store = MonitorStore(self.folder / "monitor")
        self.inbox = Inbox(self.folder / "monitor" / "retraining")

    def _spans(self, retraining: int, now: datetime) -> WrittenSpans:
        self.spans.append(retraining)
        return WrittenSpans(3, 4, 60, "span-3.csv: 45 rows, span-4.csv: 15 held out")

    def _statistics(self, aliases: Aliases) -> Any:
        rng = np.random.default_rng(31)
        return drawn(rng, 300_000), drawn(rng, 30_000, error_rate=self.harm)

    def _record(self, kind: str, version: int, aliases: Aliases, reason: str, analysis: Mapping[str, Any]) -> None:
        self.decisions.append((kind, version))

    def command(self, span: int) -> Sequence[str]:
        return [sys.executable, "-c", TRAINING, str(self.folder), str(self.code), self.push, str(span)]

    def retrainer(self, **changes: Any) -> Retrainer:
        """A retrainer of a new process: nothing but the files is left of the last one."""
        parts = RetrainingDependencies(
            self.store,
            replace(self.settings, **changes),
            self.inbox,
            Registry(self.folder / "registry"),
            self.canary,
            self._statistics,
            self._spans,
            self.command,
            self._record,
            pushed=lambda span, since: next((one for one in self.registry.versions() if one > 1), None),
            run_ended=lambda run_id: self.ended,
        )
        return Retrainer(parts, lambda now: 60, lambda: None, lambda now: (None, ""))

    def cluster_pushes(self) -> None:
        """What the pusher of a run on a cluster does."""
        model = self.folder / "model"
        model.mkdir()
        (model / "saved_model.pb").write_bytes(b"retrained")
        self.registry.push(model, {}, alias="none")

    def trainings(self) -> list[str]:
        """Eval spans of all trainings that began."""
        path = self.folder / "trained.txt"
        return path.read_text().split() if path.exists() else []


def told(one: Any) -> str:
    """All steps of a retraining as text."""
    return json.dumps([step.text for step in one.steps])
