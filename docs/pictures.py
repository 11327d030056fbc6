"""Draw the pictures of README and docs from the demo's own results: `make demo`, then `make pictures`.

Needs Chromium (`apt-get install chromium`) and the packages of the tests.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browsing import browser  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, ViewportSize

FOLDER = ROOT / "docs" / "pictures"
COMMAND = (sys.executable, str(ROOT / "cli.py"))
SENTENCE = "a red circle moves up"
COLUMNS = 100  # of the terminal
WIDE: ViewportSize = {"width": 1200, "height": 800}


def main() -> int:
    """Draw all pictures of the demo in the folder that is given, else in demo/."""
    demo = Path(*sys.argv[1:2] or ["demo"]).absolute()
    work = demo / "work"
    if not (work / "report" / "index.html").is_file():
        print(f"no results in {work}: run `make demo` first", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    change = ["--set", "x3d.frames=5"]
    draw_terminal("plan", f"laff plan -w demo/work {' '.join(change)}", ["plan", "-w", str(work), *change], demo)
    with browser() as started:
        draw_report(started, work / "report" / "index.html")
        draw_search(started, work)
    return 0


def draw_terminal(name: str, title: str, words: list[str], demo: Path) -> None:
    """Draw what a command prints on a terminal, in an SVG with the fonts of whoever looks at it."""
    from rich.console import Console
    from rich.text import Text

    printed = on_terminal([*COMMAND, *words])
    printed = printed.replace(f"{demo}/", "demo/")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed.rstrip("\n")))
    svg = console.export_svg(title=title, unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # they would be fetched from elsewhere
    write(FOLDER / f"{name}.svg", "\n".join(line.rstrip() for line in svg.splitlines()).encode() + b"\n")


def on_terminal(words: list[str]) -> str:
    """What a program writes to a terminal of COLUMNS columns, with its escape codes; `laff` is on its path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, COLUMNS))
    program = subprocess.Popen(words, stdout=theirs, env=os.environ | {"TERM": "xterm-256color", "PATH": path})
    os.close(theirs)
    parts = []
    with suppress(OSError):  # which ends it on Linux
        while part := os.read(ours, 1 << 16):
            parts.append(part)
    os.close(ours)
    if program.wait():
        raise SystemExit(f"{words} ended with {program.returncode}")
    return b"".join(parts).decode().replace("\r\n", "\n")


def draw_report(started: Browser, file: Path) -> None:
    """Draw the first screen of the report, its gallery, and how the model weighs features."""
    with shown(started) as page:
        page.goto(file.as_uri())
        shoot(page, "report")
        for key in ("gallery", "attention"):
            part = page.locator(f"section[aria-labelledby={key}]")
            part.scroll_into_view_if_needed()
            shoot(page, key, part)


def draw_search(started: Browser, work: Path) -> None:
    """Draw what the search page finds."""
    server = subprocess.Popen(
        [*COMMAND, "serve", "-w", str(work), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    try:
        assert server.stdout
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://[^\s/]+/", line)))
        with shown(started) as page:
            page.goto(f"{address}?q={SENTENCE.replace(' ', '+')}&split=test")
            page.wait_for_selector("article img")
            page.wait_for_load_state("networkidle")
            shoot(page, "search")
    finally:
        server.terminate()
        server.wait()


@contextmanager
def shown(started: Browser) -> Iterator[Page]:
    """A page in a window of WIDE."""
    context = started.new_context(viewport=WIDE, color_scheme="light", device_scale_factor=1)
    try:
        yield context.new_page()
    finally:
        context.close()


def shoot(page: Page, name: str, part: Locator | None = None) -> None:
    """Write what a page, or a part of it, shows, as a small WebP."""
    from PIL import Image

    picture = Image.open(io.BytesIO(part.screenshot() if part else page.screenshot()))
    packed = io.BytesIO()
    picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, 900))).save(packed, "WEBP", quality=80)
    write(FOLDER / f"{name}.webp", packed.getvalue())


def write(path: Path, content: bytes) -> None:
    """Write a picture, and say so."""
    path.write_bytes(content)
    print(f"wrote {path.relative_to(ROOT)}, {len(content):,} bytes")


if __name__ == "__main__":
    sys.exit(main())
