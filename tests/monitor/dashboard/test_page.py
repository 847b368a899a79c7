"""The page: what it shows of a history, that texts from data stay texts, and its policy."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from monitor.dashboard.history import Place, read_history
from monitor.dashboard.page import Chrome, dashboard_page, message_page, policy, sign_in_page
from monitor.dashboard.retraining_rows import file_link
from tests.monitor.dashboard.made_up import EVIL, FEATURES, RUN, made_up


def page(place: Place, windows: int = 60) -> str:
    return dashboard_page(read_history(place, windows), file_link(place.home, place.home / "d.html"))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    return made_up(tmp_path_factory.mktemp("runs") / "flights")


@pytest.fixture(scope="module")
def flights(place) -> str:
    return page(place)


@pytest.fixture(scope="module")
def evil(tmp_path_factory) -> str:
    return page(made_up(tmp_path_factory.mktemp("runs") / "flights", text=EVIL))


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of the page without styles and scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_tells_what_is_wrong_first(flights):
    text = Elements(flights).text
    assert "2 open incidents" in text
    assert "Window 60, 2026-10-30 to 2026-10-31 UTC." in text
    assert text.index("Incident 2: dep_delay moved") < text.index("Incident 3: temp moves slowly")
    assert "dep_delay above 42, in origin=EWR; since 2026-10-11, 71.0 % of the change, from span 41" in text
    assert "1 closed incident" in text and "latency p99 above its threshold" in text


def test_shows_the_features_by_their_largest_weighted_severity(flights):
    rows = re.findall(r'<summary><span class="name">([^<]*)</span>', flights)
    assert rows[0] == "dep_delay" and set(rows[1:3]) == {"origin", "temp"}
    assert set(FEATURES) < set(rows)


def test_adapted_thresholds_are_shown(flights):
    text = Elements(flights).text
    assert "Alarm: threshold 0.142 instead of 0.1, since up to 0.12 is usual in 40 of 50 windows; in alarm" in text
    assert re.search(r'<span class="name">temp</span>.*?<span class="badge moderate">in alarm</span>', flights)


def test_a_strip_has_one_bar_for_each_window(flights):
    strips = re.findall(r'<svg class="strip".*?</svg>', flights)
    first = strips[0]
    quiet = first.count("h.88v")
    loud = re.findall(r'<rect class="(moderate|severe)" x="(\d+)"', first)
    assert quiet + len(loud) == 60
    assert {int(x) + 1 for _, x in loud} == set(range(41, 57)), "the days on which dep_delay drifted"
    assert "severity in 60 windows" in first


def test_performance_estimated_and_measured(flights):
    text = Elements(flights).text
    assert re.search(r"Estimated 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\) in window 60\.", text)
    assert "in window 56, the last mature. Reference 0.7420." in text
    assert "The estimate abstains in 3 windows. The relation of label and inputs may have moved." in text
    assert flights.count('class="dot mature"') == 2 * 56, "two metrics"
    assert flights.count('class="dot preliminary"') == 2 * 3, "the newest window has no label yet"


def test_thresholds_of_absolute_and_relative_effects(flights):
    """AUC: 0.742 - 0.04 is severe; log loss: 0.49 and 15 % is severe."""
    auc, loss = re.findall(r'<svg class="chart"[^>]*aria-label="(?:AUC|Log loss) by window.*?</svg>', flights)
    for chart, severe in ((auc, 0.742 - 0.04), (loss, 0.49 * 1.15)):
        assert value_at(chart, r'<path class="limit severe" d="M[\d.]+,([\d.]+)') == pytest.approx(severe, abs=0.0005)


def value_at(chart: str, pattern: str) -> float:
    """The value of a place in a chart, by its axis."""
    ticks = [
        (float(y) - 3.5, float(text)) for y, text in re.findall(r'<text x="40" y="([\d.]+)"[^>]*>([\d.]+)<', chart)
    ]
    (y0, v0), (y1, v1) = ticks[0], ticks[-1]
    found = re.search(pattern, chart)
    assert found is not None
    return v0 + (float(found[1]) - y0) * (v1 - v0) / (y1 - y0)


def test_the_canarys_evidence_and_decisions(flights):
    text = Elements(flights).text
    assert "Canary 4 against version 3: promoted" in text
    assert "Promoted version 4, automatically" in text
    assert text.index("Promoted version 4") < text.index("Started canary 4 with 5.0 % of the requests")
    assert flights.count('<path class="limit harm"') >= 4


def test_retrainings_link_to_the_reports_that_exist(flights, tmp_path):
    assert f'<a href="reports/{RUN}/report.html">{RUN}</a>' in flights
    assert "plumbline retrain --approve 2" in Elements(flights).text
    place = made_up(tmp_path / "flights", days=1)
    (place.home / "reports" / RUN / "report.html").unlink()
    assert f'href="reports/{RUN}' not in page(place)


@pytest.mark.parametrize("name", ["../../etc/passwd", "20261027T050000Z-a53c/../x", "", "x"])
def test_only_run_ids_are_looked_up(tmp_path, name):
    assert file_link(tmp_path, tmp_path / "d.html")(name) == ""


def test_hostile_texts_stay_texts(evil, flights):
    found, plain = Elements(evil), Elements(flights)
    assert len(found.tags) == len(plain.tags), "no text became an element"
    assert not [tag for tag, _ in found.tags if tag in ("img", "iframe", "object", "base")]
    assert sum(tag == "script" for tag, _ in found.tags) == 1
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on") or name == "style"]
    assert "<script>alert(1)</script>" in found.text, "the name is shown as it is"
    assert "\x07" not in evil and "\u202e" not in evil
    assert "{{7*7}}" in found.text and "49" not in evil.split("{{7*7}}")[0][-3:]


def test_no_address_of_another_site(flights, evil):
    for text in (flights, evil):
        for tag, attributes in Elements(text).tags:
            for name in ("href", "src", "action"):
                value = attributes.get(name) or ""
                assert not re.match(r"(?i)[a-z]+:|//", value) or value == "data:,", (tag, value)


def test_the_policy_allows_the_pages_own_style_and_script_alone(flights):
    for what in ("style", "script"):
        (content,) = re.findall(f"<{what}>(.*?)</{what}>", flights, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{what}-src 'sha256-{digest}'" in policy(served=True)
    assert "default-src 'none'" in policy(served=True) and "unsafe" not in policy(served=True)
    assert f'content="{policy(served=False)}"'.replace("'", "&#39;") in flights


def test_a_page_on_disk_changes_nothing_and_asks_for_nothing(flights):
    tags = [tag for tag, _ in Elements(flights).tags]
    assert "form" not in tags and "data-refresh" not in flights
    assert "form-action 'none'" in policy(served=False)


def test_not_monitored_yet(tmp_path):
    place = Place("flights", tmp_path / "flights", str(tmp_path / "registry"))
    text = Elements(page(place)).text
    assert "Not monitored yet" in text and "plumbline monitor --dataset flights" in text
    assert "The registry has no version" in text


def test_a_damaged_store_is_told(tmp_path):
    place = made_up(tmp_path / "flights", days=1)
    (place.home / "monitor" / "monitor.sqlite").write_bytes(b"no database" * 1000)
    text = Elements(page(place)).text
    assert "monitor.sqlite: cannot be read" in text and "Versions and canary" in text


def test_a_broken_registry_is_told(tmp_path):
    place = made_up(tmp_path / "flights", days=1)
    (place.home / "registry" / "labels.json").write_text("{")
    assert "labels.json: cannot be read" in Elements(page(place)).text


def test_the_newest_windows_alone(place):
    text = Elements(page(place, windows=5)).text
    assert "5 windows shown" in text and "dep_delay" in text


@pytest.mark.parametrize("days", [1, 2])
def test_few_windows(tmp_path, days):
    assert f"Window {days}, " in Elements(page(made_up(tmp_path / "flights", days=days))).text


def test_other_pages_escape(tmp_path: Path):
    for text in (message_page(EVIL, EVIL, Chrome(dataset=EVIL), back=EVIL), sign_in_page(Chrome(), True, EVIL)):
        found = Elements(text)
        assert sum(tag == "script" for tag, _ in found.tags) == 1
        assert not [tag for tag, _ in found.tags if tag == "img"]
