"""The report in a real browser: from disk, in both themes, on a phone and on a desk."""

import re

import pytest

from components.shared.files import write_json, write_text
from pipeline.report.compare_page import write_compare
from pipeline.report.history_page import write_history
from pipeline.report.page import report_page
from tests.browser.opened import CONTRAST, EMPTY_CHARTS, OVERFLOW, Opened
from tests.pipeline.report.a_run import EVIL, RUN, category, drift, facts, left_behind, number, past, stopped, summary

pytestmark = pytest.mark.slow

THEMES, WIDTHS = ("light", "dark"), (390, 1440)


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Name -> file: reports of every sort of run, and the pages on several runs."""
    folder = tmp_path_factory.mktemp("pages")
    long = "a_feature_whose_name_is_far_too_long_for_any_column_" * 4
    odd = facts(
        summary=summary(
            dataset=EVIL,
            drift=[drift(EVIL, 0.5, 0.1, detail=EVIL * 5), drift(long, 0.5, 0.1, slice=f"origin={long}")],
            anomalies=[{"feature": long, "kind": "k", "detail": long}],
            reasons=[EVIL, long],
            blessed=False,
            pushed=None,
        ),
        features=(category(EVIL, (EVIL, "</svg>", "\x07")), number(long)),
        past=(past(1, drift=(drift(EVIL, 0.1, 0.1),)), past(2, drift=(drift(EVIL, 0.1, 0.1),))),
        settings={EVIL: {long: long * 3}},
    )
    many = tuple(number(f"feature_{place}") for place in range(1000))
    found = {
        "pushed": facts(),
        "stopped": stopped(),
        "odd": odd,
        "thousand": facts(features=many, summary=summary(drift=[drift(row.name, 0.1, 0.2) for row in many])),
    }
    for name, told in found.items():
        write_text(folder / f"{name}.html", report_page(told))
    home = left_behind(folder)
    other = summary(run_id="20261121T100000Z-bbbb", spans={"train": [2, 3, 4], "eval": [5]})
    write_json(home / "reports" / other["run_id"] / "summary.json", other)
    return {
        **{name: folder / f"{name}.html" for name in found},
        "runs": write_history(home),
        "compare": write_compare(home, RUN, other["run_id"]),
    }


NAMES = ("pushed", "stopped", "odd", "runs", "compare")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_opens_from_disk_and_fits(browser, pages, name, width, theme):
    with Opened(browser, pages[name], width, theme) as opened:
        opened.page.evaluate("() => document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert opened.complaints == []
        assert opened.page.evaluate(OVERFLOW) <= 0
        assert opened.page.evaluate(EMPTY_CHARTS) == []
        assert opened.page.evaluate(CONTRAST) == []


def test_these_checks_notice(browser, pages):
    with Opened(browser, pages["pushed"], 390) as opened:
        page = opened.page
        page.evaluate("""() => {
          const main = document.querySelector("main");
          main.insertAdjacentHTML("beforeend", '<p style="color: #aaa">pale</p><svg aria-label="empty"></svg>');
          main.insertAdjacentHTML("beforeend", '<div style="width: 500px">wide</div><img src="https://example.org/x">');
          const script = document.createElement("script");
          script.textContent = "alert(1)";
          main.append(script);
        }""")
        assert any("pale" in found for found in page.evaluate(CONTRAST))
        assert page.evaluate(EMPTY_CHARTS) == ["empty"]
        assert page.evaluate(OVERFLOW) > 0
        # The page's policy refuses both, aloud.
        assert any("script" in found for found in opened.complaints)
        assert any("example.org" in found for found in opened.complaints)


def test_there_are_charts_to_be_drawn(browser, pages):
    with Opened(browser, pages["pushed"]) as opened:
        shown = opened.page.locator("main svg[role=img]:visible")
        labels = [shown.nth(place).get_attribute("aria-label") for place in range(shown.count())]
    for said in (
        "carrier: distribution",
        "distance / threshold",
        "ROC",
        "Precision-recall",
        "Reliability",
        "Graph of 4",
    ):
        assert any(said in label for label in labels), said


@pytest.mark.parametrize("theme", THEMES)
def test_the_theme_follows_the_system_until_one_is_chosen(browser, pages, theme):
    with Opened(browser, pages["pushed"], theme=theme) as opened:
        page = opened.page
        paper = "() => getComputedStyle(document.body).backgroundColor"
        first, button = page.evaluate(paper), page.get_by_role("button", name="Dark")
        assert (first == "rgb(19, 22, 26)") == (theme == "dark")
        assert button.get_attribute("aria-pressed") == str(theme == "dark").lower()
        button.click()
        assert page.evaluate(paper) != first
        page.reload()
        assert page.evaluate(paper) != first, "the choice is kept"
        assert opened.complaints == []


def test_features_are_found(browser, pages):
    with Opened(browser, pages["thousand"]) as opened:
        page = opened.page
        assert page.locator("details.feature:visible").count() == 1000
        page.get_by_role("searchbox", name="Find").fill("feature_99")
        assert page.locator("details.feature:visible").count() == 11  # 99 and 990 to 999
        assert "11 of 1000" in page.locator("#count").inner_text()
        page.get_by_role("checkbox").check()
        assert page.get_by_text("No matching column.").is_visible()
        assert opened.complaints == []


def test_everything_can_be_reached_and_used_by_keyboard(browser, pages):
    with Opened(browser, pages["pushed"]) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
        reached = []
        for _ in range(80):
            reached.append(page.evaluate("() => document.activeElement.outerHTML.slice(0, 200)"))
            page.keyboard.press("Tab")
        for wanted in ('href="#model"', 'id="theme"', 'id="find"', 'id="moved"', "<summary", 'aria-label="All slices"'):
            assert any(wanted in found for found in reached), wanted
        last = page.locator("details.feature").last
        last.locator("summary").focus()
        page.keyboard.press("Enter")
        assert last.evaluate("(each) => each.open")


def test_values_are_shown_under_the_pointer(browser, pages):
    with Opened(browser, pages["odd"]) as opened:
        opened.page.locator("svg.chart [data-tip]").first.hover()
        tip = opened.page.locator("#tip")
        assert re.match(r"(train|eval): \d+", tip.inner_text())
        opened.page.keyboard.press("Escape")
        assert tip.is_hidden()
        assert opened.complaints == []


def test_without_scripts_everything_is_still_there(browser, pages):
    with Opened(browser, pages["pushed"], java_script_enabled=False) as opened:
        assert opened.page.get_by_role("heading", name="Pushed as version 4").is_visible()
        assert opened.page.locator("svg.chart:visible").count() >= 3
        assert not opened.page.locator("#find").is_visible()


def test_prints_on_white(browser, pages):
    with Opened(browser, pages["pushed"], theme="dark") as opened:
        opened.page.emulate_media(media="print")
        assert opened.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not opened.page.locator("#theme").is_visible()
        assert len(opened.page.pdf()) > 10_000
