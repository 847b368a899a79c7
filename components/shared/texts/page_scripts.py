"""Scripts that several HTML pages share; each page embeds them before its own."""

from functools import cache
from importlib.resources import files


@cache
def theme_and_tooltips() -> str:
    """Script of the elements `theme` (a button, dark or light) and `tip` (shows the attribute data-tip of marks)."""
    return files("components.shared.texts").joinpath("theme_and_tooltips.js").read_text(encoding="utf-8")
