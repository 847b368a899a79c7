"""Renders a model card as Markdown and as a self-contained HTML page; text from data is escaped in both."""

import html

from components.model_card.content import CardItems, CardSection, CardTable, CardText, ModelCard
from components.shared.texts.escaping import markdown_text, xml_text

MARKDOWN, PAGE = "model_card.md", "model_card.html"

_STYLE = """
:root { --paper: #fbfbf9; --ink: #1a1f26; --muted: #57606b; --line: #d9dbd8; --wash: #f1f2ef; color-scheme: light; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #13161a; --ink: #e7eaee; --muted: #a3acb7; --line: #343a42; --wash: #20252b; color-scheme: dark; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; font-variant-numeric: tabular-nums; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; }
p, ul { max-width: 46rem; overflow-wrap: anywhere; }
.lead { font-size: 1.125rem; }
section p, section ul { color: var(--muted); }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { text-align: right; padding: 0.35rem 0.9rem 0.35rem 0; vertical-align: top; }
tr > * { border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
thead th { color: var(--muted); background: var(--wash); }
thead th, tbody th { padding-left: 0.5rem; }
th:first-child, .words td { text-align: left; overflow-wrap: break-word; }
@media print { body { background: none; color: #000; } }
"""


def card_files(card: ModelCard) -> dict[str, str]:
    """Returns file name -> text of the card in both formats."""
    return {MARKDOWN: markdown(card), PAGE: html_page(card)}


def markdown(card: ModelCard) -> str:
    """Renders a card as GitHub Markdown."""
    parts = [f"# {markdown_text(card.title)}", markdown_text(card.lead)]
    for section in card.sections:
        parts += [f"## {markdown_text(section.title)}", *map(_markdown_block, section.blocks)]
    return xml_text("\n\n".join(part for part in parts if part) + "\n")


def html_page(card: ModelCard) -> str:
    """Renders a card as a self-contained HTML page, in light or dark mode as the reader's system is set."""
    sections = "\n".join(map(_page_section, card.sections))
    return xml_text(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{html.escape(card.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{html.escape(card.title)}</h1>\n<p class="lead">{html.escape(card.lead)}</p>\n'
        f"{sections}\n</main>\n</body>\n</html>\n"
    )


def _markdown_block(block: CardText | CardItems | CardTable) -> str:
    if isinstance(block, CardText):
        return markdown_text(block.text)
    if isinstance(block, CardItems):
        return "\n".join(f"- {markdown_text(item)}" for item in block.items)
    rule = ["---", *("---" if block.words else "---:" for _ in block.columns[1:])]
    rows = [[markdown_text(cell) for cell in row] for row in (block.columns, *block.rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], rule, *rows[1:]))


def _page_section(section: CardSection) -> str:
    blocks = "\n".join(map(_page_block, section.blocks))
    return f"<section>\n<h2>{html.escape(section.title)}</h2>\n{blocks}\n</section>"


def _page_block(block: CardText | CardItems | CardTable) -> str:
    if isinstance(block, CardText):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, CardItems):
        items = "".join(f"<li>{html.escape(item)}</li>" for item in block.items)
        return f"<ul>{items}</ul>" if items else ""
    head = ""
    if any(block.columns):
        cells = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in block.columns)
        head = f"<thead><tr>{cells}</tr></thead>"
    rows = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>\n"
        for row in block.rows
    )
    kind = ' class="words"' if block.words else ""
    return f'<div class="scroll" tabindex="0"><table{kind}>{head}<tbody>\n{rows}</tbody></table></div>'
