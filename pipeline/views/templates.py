"""Pages from Jinja2 templates: every value is escaped, and a name that a template misspells is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

SHARED = Path(__file__).parent / "templates"  # base.html and style.css, which all pages extend and use


@cache  # with the templates that it has compiled: they take longer than a page of results
def environment(folder: Path | None = None) -> Environment:
    """The templates of a folder, and the shared ones; of two with one name that of the folder counts."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([folder, SHARED] if folder else [SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(name: str, folder: Path | None = None, **values: Any) -> str:
    """The page that a template makes of these values; folder: where it lies, if not among the shared ones."""
    return environment(folder).get_template(name).render(**values)
