"""Promotions and rollbacks from the dashboard: one atomic write of the registry's aliases, and its record."""

import json
import logging
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from components.registry.aliases import Aliases
from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError
from monitor.dashboard.history import Place
from serving.canary.journal import Journal

LOG = logging.getLogger("plumbline.serving")
RECORD_SECONDS = 120
SEEN = ("live", "canary", "previous")
"""Aliases that a form names as its page showed them."""
BY_DASHBOARD = "in the dashboard"


class VersionChanges:
    """Carries out what a person decides in the dashboard.

    Args:
      recorders: Dataset -> command that records a decision in ML Metadata; [] for none. It reads the fields of a
        VersionDecision as JSON from its standard input.
    """

    def __init__(self, recorders: Mapping[str, Sequence[str]]) -> None:
        self._recorders = recorders

    def carry_out(self, place: Place, action: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Promotes the canary, or rolls back as `plumbline rollback` does.

        Args:
          place: The dataset.
          action: "promote" or "rollback".
          form: `live`, `canary` and `previous` as the page showed them ("" for none), each optional; `reason`.

        Returns:
          The decision.

        Raises:
          PlumblineError: The aliases are not those of the page any more, or the change is impossible; nothing changed.
        """
        registry = Registry(place.registry)
        before = registry.labels()
        if before is None:
            raise UsageError(f"{registry.where}: the registry has no version yet")
        _check_seen(before, form)
        if action == "promote":
            after = registry.promote(seen=before)
            version = after.live
        else:
            after = registry.rollback(seen=before)
            version = before.live if before.canary is None else before.canary
        reason = " ".join(form.get("reason", "").split())[:200]
        decision = {
            "action": action,
            "version": version,
            "live": after.live,
            "share": 0.0,
            "by": "person",
            "reason": f"{BY_DASHBOARD}: {reason}" if reason else BY_DASHBOARD,
            "registry": after.id,
            "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        LOG.info("%s of %s: %s", action, place.name, json.dumps({**decision, "aliases": asdict(after)}))
        try:
            Journal(place.home / "canary").add_decision(decision)
        except OSError as exc:
            LOG.warning("the dashboard will not show the decision (%s)", exc)
        if command := self._recorders.get(place.name):
            threading.Thread(target=_record, args=(command, decision), daemon=True).start()
        return decision


def _check_seen(now: Aliases, form: Mapping[str, str]) -> None:
    for role in SEEN:
        version = getattr(now, role)
        if role in form and form[role] != ("" if version is None else str(version)):
            raise PlumblineError(
                f"The {role} version is {'none' if version is None else version} now, and was "
                f"{form[role] or 'none'} when the page was made. Look again before you decide."
            )


def _record(command: Sequence[str], decision: Mapping[str, Any]) -> None:
    """Runs the recorder; a failure is a warning, since the decision is in effect already."""
    try:
        done = subprocess.run(  # noqa: S603 - the server's own command
            command, input=json.dumps(decision).encode(), capture_output=True, timeout=RECORD_SECONDS, check=False
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            LOG.warning("the decision is in effect, but is not recorded: %s", said[-1] if said else done.returncode)
    except (OSError, subprocess.TimeoutExpired) as exc:
        LOG.warning("the decision is in effect, but is not recorded (%s)", exc)
