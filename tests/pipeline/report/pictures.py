"""The pictures of a report that the README shows: the verdict in the light, a feature in the dark, 1,280 x 1,000 px.

python -m tests.pipeline.report.pictures runs/flights/reports/RUN/report.html docs
"""

import sys
from pathlib import Path

from tests.browser.chromium import find_chromium
from tests.browser.opened import Opened

SIZE = {"width": 1280, "height": 1000}


def take(report: Path, folder: Path) -> tuple[Path, Path]:
    """Writes report-light.png and report-dark.png to `folder`."""
    from playwright.sync_api import sync_playwright

    light, dark = folder / "report-light.png", folder / "report-dark.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        with Opened(browser, report.resolve(), theme="light") as opened:
            opened.page.set_viewport_size(SIZE)
            opened.page.screenshot(path=light)
        with Opened(browser, report.resolve(), theme="dark") as opened:
            opened.page.set_viewport_size(SIZE)
            opened.page.evaluate("() => document.getElementById('features').scrollIntoView()")
            opened.page.screenshot(path=dark)
        browser.close()
    return light, dark


if __name__ == "__main__":
    print(*take(Path(sys.argv[1]), Path(sys.argv[2])), sep="\n")
