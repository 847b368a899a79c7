"""A page opened from disk, with everything that it said and asked for."""

from pathlib import Path
from typing import Any

OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"

# Luminance and contrast by WCAG 2.1, of every text against the first opaque background behind it.
CONTRAST = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const parse = (text) => { const n = numbers(text); return n.length === 3 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = parse(getComputedStyle(document.body).backgroundColor);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const rect = at instanceof SVGGElement ? at.querySelector(":scope > rect") : null;
      const found = parse(rect ? getComputedStyle(rect).fill : getComputedStyle(at).backgroundColor);
      if (found[3] === 1) return found;
    }
    return paper;
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const style = getComputedStyle(element);
    if (!own || !element.getClientRects().length || ["STYLE", "SCRIPT", "TITLE"].includes(element.tagName)) continue;
    const [a, b] = [light(parse(element instanceof SVGElement ? style.fill : style.color)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) weak.push(`${contrast.toFixed(2)} ${element.tagName} ${element.textContent.slice(0, 40)}`);
  }
  return weak;
}"""

# Charts that are shown but not drawn: without a size, or without a mark that has one.
EMPTY_CHARTS = """() => [...document.querySelectorAll("main svg")].filter((svg) => {
  if (!svg.checkVisibility()) return false;
  const box = svg.getBoundingClientRect();
  const marks = [...svg.querySelectorAll("path, rect, circle, line")].filter((mark) => {
    const size = mark.getBoundingClientRect();
    return size.width + size.height > 0;
  });
  return !(box.width > 0 && box.height > 0 && marks.length);
}).map((svg) => svg.getAttribute("aria-label"))"""


class Opened:
    """A page in a context of its own; `complaints` are console messages, errors, and requests but for the file."""

    def __init__(self, browser: Any, path: Path, width: int = 1440, theme: str = "light", **context: Any):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", self._asked)
        self.page.goto(path.as_uri())
        self.file = path.as_uri()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")) or request.resource_type not in (
            "document",
            "other",
            "image",
        ):
            self.complaints.append(f"request {request.url}")

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
