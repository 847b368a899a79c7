"""The pages of the dashboard as HTML. Jinja2 escapes all text that comes from data; charts escape theirs themselves."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from components.shared.texts.escaping import xml_text
from components.shared.texts.page_scripts import theme_and_tooltips
from monitor.dashboard import formatting
from monitor.dashboard.canary_evidence import canary_evidence, decisions
from monitor.dashboard.drift_rows import drift_groups
from monitor.dashboard.history import History
from monitor.dashboard.incident_rows import closed_incidents, open_incidents
from monitor.dashboard.performance_charts import performance_charts
from monitor.dashboard.retraining_rows import Link, retraining_rows
from monitor.dashboard.status import findings, status
from monitor.dashboard.traffic_charts import traffic_charts
from monitor.dashboard.window_axis import axis_labels

REFRESH_SECONDS = 30
RANGES = (30, 60, 120, 365)
"""Numbers of windows that a reader can choose."""
DEFAULT_RANGE = 60


@dataclass(frozen=True)
class Chrome:
    """What surrounds the content of a page of the server; a page on disk has the defaults.

    Attributes:
      served: Whether a server shows the page, so that it can be refreshed.
      base: Path of the dashboard on the server.
      datasets: Names of all datasets.
      dataset: The one that is shown.
      windows: Number of windows that is shown.
      signed_in: Whether a session can be ended.
      csrf: Token of the forms of this session; "" if nothing can be changed.
      may_change: Whether promote and rollback are offered.
    """

    served: bool = False
    base: str = "/dashboard"
    datasets: Sequence[str] = ()
    dataset: str = ""
    windows: int = DEFAULT_RANGE
    signed_in: bool = False
    csrf: str = ""
    may_change: bool = False


_ON_DISK = Chrome()


def dashboard_page(history: History, link: Link, chrome: Chrome = _ON_DISK) -> str:
    """Renders the dashboard of one dataset as one HTML text with its styles, script and charts.

    Args:
      history: The records.
      link: Addresses of reports.
      chrome: What surrounds it.
    """
    common: dict[str, Any] = {"chrome": chrome, "history": history, "updated": formatting.moment(history.now)}
    actions = {
        "decisions": decisions(history),
        "canary": canary_evidence(history),
        "actions": _actions(history, chrome),
    }
    if not history.windows:
        return _render("empty.html.j2", **common, **actions)
    found, more = findings(history)
    labels = axis_labels(history.windows)
    return _render(
        "dashboard.html.j2",
        **common,
        **actions,
        status=status(history),
        incidents=open_incidents(history),
        closed=closed_incidents(history),
        findings=found,
        more_findings=more,
        performance=performance_charts(history),
        groups=drift_groups(history),
        ends=(labels[0], labels[-1]),
        traffic=traffic_charts(history),
        retrainings=retraining_rows(history, link),
        ranges=RANGES,
    )


def message_page(title: str, text: str, chrome: Chrome, back: str = "") -> str:
    """Renders a page with one message and a link back to the dashboard."""
    return _render("message.html.j2", chrome=chrome, title=title, text=text, back=back or chrome.base)


def sign_in_page(chrome: Chrome, wrong: bool, to: str) -> str:
    """Renders the form that asks for the server's bearer token; `to` is where the reader goes then."""
    return _render("sign_in.html.j2", chrome=chrome, wrong=wrong, to=to)


@cache
def policy(*, served: bool) -> str:
    """The Content-Security-Policy of the pages: their own style and script by hash, and nothing from elsewhere.

    Args:
      served: For the header of a server; False: for the meta element of a file, where some directives have no meaning.
    """
    parts = [
        "default-src 'none'",
        f"style-src '{_digest(_text('dashboard.css'))}'",
        f"script-src '{_digest(_script())}'",
        "img-src data:",
        "base-uri 'none'",
    ]
    parts += (
        ["connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] if served else ["form-action 'none'"]
    )
    return "; ".join(parts)


def _actions(history: History, chrome: Chrome) -> list[dict[str, Any]]:
    """Changes that a person may make now: path, text of the button, and what follows."""
    aliases = history.aliases
    if not chrome.may_change or aliases is None or aliases.live is None:
        return []
    found = []
    if aliases.canary is not None:
        found.append(
            {
                "path": "promote",
                "text": f"Promote canary {aliases.canary}",
                "effect": f"Version {aliases.canary} answers all requests; version {aliases.live} is previous.",
            }
        )
        found.append(
            {
                "path": "rollback",
                "text": f"Roll back canary {aliases.canary}",
                "effect": f"Version {aliases.live} answers all requests; the canary ends.",
            }
        )
    elif aliases.previous is not None:
        found.append(
            {
                "path": "rollback",
                "text": f"Roll back to version {aliases.previous}",
                "effect": f"Version {aliases.previous} answers all requests instead of version {aliases.live}.",
            }
        )
    return found


def _render(name: str, **values: Any) -> str:
    page = (
        _environment()
        .get_template(name)
        .render(
            style=Markup(_text("dashboard.css")),  # noqa: S704 - files of this package
            script=Markup(_script()),  # noqa: S704
            policy=policy(served=False),
            refresh=REFRESH_SECONDS,
            **values,
        )
    )
    return xml_text(page)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    names = ("figure", "percent", "moment", "kind_name", "measure_name", "counted")
    environment.filters |= {name: getattr(formatting, name) for name in names}
    return environment


def _script() -> str:
    return theme_and_tooltips() + _text("dashboard.js")


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


@cache
def _text(name: str) -> str:
    return files("monitor.dashboard").joinpath("templates", name).read_text(encoding="utf-8")
