"""The aliases in labels.json, and the changes of them that promote, roll back and split traffic. Pure functions."""

import json
import secrets
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone

from components.shared.errors import UsageError

ROLES = ("live", "canary", "shadow", "previous")
"""Fields of Aliases that hold a version."""

_ALWAYS = ("id", "live", "canary", "previous")
"""Fields that labels.json always has; the others are left out at their defaults, for readers that do not know them."""


@dataclass(frozen=True)
class Aliases:
    """The aliases in labels.json.

    Attributes:
      id: Random id of the registry; a new registry at the same location has another one, which invalidates caches.
      live: Version in production.
      canary: Version that answers a share of the requests.
      previous: Version that was live before, and that `rolled_back` makes live again; None after a rollback.
      share: Share of the requests that the canary answers, 0 to 1; 0 if there is no canary.
      shadow: Version that is sent copies of the requests and whose predictions are only logged.
      step: Index of the automatic mode's current step, from 0; None if there is no canary or a person set its share.
      key: Salt of the hash that splits the requests; new for each canary, so that each has a random sample of its own.
      since: Time from which `share` has been in effect between `live` and `canary`, UTC, ISO 8601; "" without a canary.
      decided: Largest version that was rolled back; a push does not make it, or a smaller one, live again.
    """

    id: str
    live: int | None = None
    canary: int | None = None
    previous: int | None = None
    share: float = 0.0
    shadow: int | None = None
    step: int | None = None
    key: str = ""
    since: str = ""
    decided: int | None = None


def aliases_text(aliases: Aliases) -> str:
    """Returns the content of labels.json."""
    defaults = {field.name: field.default for field in fields(Aliases)}
    written = {name: value for name, value in asdict(aliases).items() if name in _ALWAYS or value != defaults.get(name)}
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def read_aliases(content: bytes) -> Aliases:
    """Parses labels.json; ValueError or TypeError for something else. A canary without a share has share 0."""
    aliases = Aliases(**json.loads(content.decode("utf-8")))
    for role in (*ROLES, "step", "decided"):
        number = getattr(aliases, role)
        if number is not None and type(number) is not int:
            raise TypeError(f"{role} is {number!r}, not the number of a {'step' if role == 'step' else 'version'}")
    if type(aliases.share) not in (int, float) or not 0 <= aliases.share <= 1:
        raise TypeError(f"share is {aliases.share!r}, not a number from 0 to 1")
    for name in ("id", "key", "since"):
        if not isinstance(getattr(aliases, name), str):
            raise TypeError(f"{name} is {getattr(aliases, name)!r}, not a text")
    return aliases


def pushed(aliases: Aliases, version: int, alias: str = "live") -> Aliases:
    """Aliases after a push.

    Args:
      aliases: The aliases before it.
      version: The pushed version.
      alias: "live": the version becomes live, unless it is older than the live one or was rolled back. "none": it
        waits; the first version of a registry still becomes live.

    Raises:
      ValueError: Another alias.
    """
    if alias not in ("live", "none"):
        raise ValueError(f"alias {alias}: must be live or none")
    newest = max(aliases.live or 0, aliases.decided or 0)
    if version <= newest or (alias == "none" and aliases.live is not None):
        return aliases
    return _live(aliases, version)


def canary_started(aliases: Aliases, version: int, share: float, step: int | None = None) -> Aliases:
    """Aliases with a canary, or with another share if the version is the canary already.

    Raises:
      UsageError: No version is live, the version is live or shadow, another version is the canary, or the share is not
        above 0 and at most 1.
    """
    _check_share(share)
    if aliases.live is None:
        raise UsageError(
            f"version {version}: no version is live, so there is nothing to compare a canary with; promote it"
        )
    if version == aliases.live:
        raise UsageError(f"version {version}: is live, so it cannot be the canary; name another version")
    if version == aliases.shadow:
        raise UsageError(f"version {version}: is the shadow; run `plumbline canary stop` first")
    if aliases.canary == version:
        return share_set(aliases, share, step)
    if aliases.canary is not None:
        raise UsageError(
            f"version {version}: version {aliases.canary} is the canary; run `plumbline canary stop`, `promote` or "
            "`rollback` first"
        )
    return replace(aliases, canary=version, share=float(share), step=step, key=secrets.token_hex(8), since=_now())


def share_set(aliases: Aliases, share: float, step: int | None = None) -> Aliases:
    """Aliases with another share of the canary. `since` stays if the share does; UsageError without a canary."""
    _check_share(share)
    if aliases.canary is None:
        raise UsageError("no version is the canary; run `plumbline canary start VERSION` first")
    key = aliases.key or secrets.token_hex(8)
    since = aliases.since if aliases.since and share == aliases.share else _now()
    return replace(aliases, share=float(share), step=step, key=key, since=since)


def shadow_started(aliases: Aliases, version: int) -> Aliases:
    """Aliases with a shadow version, in place of another one; UsageError if the version is live or the canary."""
    if aliases.live is None:
        raise UsageError(f"version {version}: no version is live, so there are no requests to copy; promote it")
    for role in ("live", "canary"):
        if getattr(aliases, role) == version:
            raise UsageError(f"version {version}: is {role}, so it cannot be the shadow; name another version")
    return replace(aliases, shadow=version)


def canary_stopped(aliases: Aliases) -> Aliases:
    """Aliases without canary and shadow: all requests go to live. UsageError if there is neither."""
    if aliases.canary is None and aliases.shadow is None:
        raise UsageError("no version is canary or shadow; there is nothing to stop")
    return replace(_without_canary(aliases), shadow=None)


def promoted(aliases: Aliases, version: int | None = None) -> Aliases:
    """Aliases with another live version; the former one becomes `previous`, and a canary ends.

    Args:
      aliases: The aliases before it.
      version: The version; None is the canary.

    Raises:
      UsageError: There is no canary, or the version is live already.
    """
    if version is None:
        if aliases.canary is None:
            raise UsageError("no version is the canary; name a version to promote")
        version = aliases.canary
    if version == aliases.live:
        raise UsageError(f"version {version}: is live already")
    return _live(_without_canary(aliases), version)


def rolled_back(aliases: Aliases) -> Aliases:
    """Aliases after a rollback: ends the canary if there is one, else makes `previous` live again.

    The version that was rolled back is recorded in `decided`. `previous` is then None: a second rollback does not
    return to the version that the first one rejected.

    Raises:
      UsageError: There is neither a canary nor a previous version.
    """
    if aliases.canary is not None:
        return replace(_without_canary(aliases), decided=max(aliases.canary, aliases.decided or 0))
    if aliases.previous is None or aliases.live is None:
        raise UsageError(
            "there is neither a canary nor a previous version to roll back to; name one: `plumbline promote`"
        )
    former = max(aliases.live, aliases.decided or 0)
    shadow = None if aliases.shadow == aliases.previous else aliases.shadow
    return replace(aliases, live=aliases.previous, previous=None, shadow=shadow, decided=former)


def _live(aliases: Aliases, version: int) -> Aliases:
    """A canary goes on against the new live version, with new statistics, unless it is the version itself."""
    found = replace(aliases, live=version, previous=aliases.live)
    if found.shadow == version:
        found = replace(found, shadow=None)
    if found.canary == version:
        return _without_canary(found)
    return replace(found, since=_now()) if found.canary is not None and found.since else found


def _without_canary(aliases: Aliases) -> Aliases:
    return replace(aliases, canary=None, share=0.0, step=None, key="", since="")


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise UsageError(f"share {share}: must be above 0 and at most 1, for instance 0.05 for 5 % of the requests")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
