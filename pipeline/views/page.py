"""Parts of pages for a browser: their style, opening and tables. Every text is escaped here."""

import html
from collections.abc import Sequence

STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}th,td{padding:.3em .8em;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}td.text{text-align:left}tr.main{background:#eef5ff;font-weight:600}
.warn{background:#fff3cd;padding:.6em 1em;border-left:4px solid #e0a800}small{color:#777}"""
TITLES = {"t2v": "Text to video", "v2t": "Video to text"}
END = "</html>\n"


def opening(title: str, heading: str, about: str, warning: str = "", style: str = "") -> str:
    """Opening of a page, down to its first figures; `style` is added to that of all pages."""
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{STYLE}{style}</style><h1>{html.escape(heading)}</h1><p>{html.escape(about)}</p>"
        + (f"<p class='warn'>{html.escape(warning)}</p>" if warning else "")
    )


def small(*lines: str) -> str:
    """Paragraph in small print, one line for each text."""
    return f"<p><small>{'<br>'.join(map(html.escape, lines))}</small></p>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], main: str | None = None, kind: str = "") -> str:
    """Table of rows of cells; the row whose first cell is `main` is highlighted. `kind`: CSS class of all cells."""
    body = "".join(f"<tr{' class=main' if row[0] == main else ''}>{cells(row, kind=kind)}</tr>" for row in rows)
    return f"<table><tr>{cells(header, 'th')}</tr>{body}</table>"


def cells(texts: Sequence[str], tag: str = "td", kind: str = "") -> str:
    """Cells of one row; `kind`: their CSS class."""
    opened = f"{tag} class='{kind}'" if kind else tag
    return "".join(f"<{opened}>{html.escape(text)}</{tag}>" for text in texts)
