"""The page, and the files that it is made of: read once, known by their names."""

from __future__ import annotations

from pathlib import Path

from pipeline.serve.problems import Refused
from pipeline.views import templates

HERE = Path(__file__).parent
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


class Static:
    """The files of static/, and the style that all pages share."""

    def __init__(self) -> None:
        """Read them."""
        paths = [templates.SHARED / "style.css", *(HERE / "static").iterdir()]
        self._files = {path.name: (path.read_bytes(), TYPES[path.suffix]) for path in paths if path.suffix in TYPES}
        self.page = templates.render("index.html", HERE / "templates", title="laff: search").encode()

    def file(self, name: str) -> tuple[bytes, str]:
        """The content and the type of a file. Refused where there is none of this name."""
        if name not in self._files:
            raise Refused("no such file", 404)
        return self._files[name]
