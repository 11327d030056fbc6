"""What is made once for all who ask, not begun for those who left, and remembered where it cannot be made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.serve.clips import Clips
from pipeline.serve.held import Mark, mark
from pipeline.serve.moments import Window
from pipeline.serve.problems import Refused
from pipeline.video.media import VideoError


def noted(window: Window) -> list[bytes]:
    """Add a line to the log beside the file, wait for a file `go` where the window begins late, make three bytes."""
    with Path("log").open("a") as lines:
        lines.write(f"{window.end}\n")
    while window.start and not Path("go").exists():
        time.sleep(0.01)
    return [b"abc"]


def broken(window: Window) -> list[bytes]:
    noted(window)
    raise VideoError("is damaged")


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mark:
    monkeypatch.chdir(tmp_path)  # of the processes too
    Path("a.mp4").write_bytes(b"video")
    return mark(Path("a.mp4").stat())


def made() -> list[float]:
    """The ends of the windows that were begun."""
    return [float(line) for line in Path("log").read_text().split()]


def test_those_who_ask_for_the_same_share_it(marked: Mark) -> None:
    async def ask(clips: Clips) -> list[Sequence[bytes]]:
        window = Window("a.mp4", 0.0, 1.0)
        first = await asyncio.gather(*(clips.made(noted, marked, window) for _ in range(5)))
        return [*first, await clips.made(noted, marked, window)]

    with Clips() as clips:
        assert asyncio.run(ask(clips)) == [[b"abc"]] * 6
    assert made() == [1.0]


def test_what_nobody_waits_for_any_more_is_not_begun(marked: Mark) -> None:
    """Two processes are busy; of what waits, only that which is still wanted is made. Its places are free at once."""

    async def ask(clips: Clips) -> None:
        busy = [asyncio.ensure_future(clips.made(noted, marked, Window("a.mp4", 1.0, end))) for end in (1.0, 2.0)]
        while len(made() if Path("log").exists() else ()) < 2:
            await asyncio.sleep(0.01)
        left, kept, gone = (
            asyncio.ensure_future(clips.made(noted, marked, Window("a.mp4", 0.0, end))) for end in (3.0, 3.0, 4.0)
        )
        await asyncio.sleep(0)
        for one in (left, gone):
            one.cancel()
            with suppress(asyncio.CancelledError):
                await one
        last = asyncio.ensure_future(clips.made(noted, marked, Window("a.mp4", 0.0, 5.0)))
        await asyncio.sleep(0)
        with pytest.raises(Refused, match="too many clips"):
            await clips.made(noted, marked, Window("a.mp4", 0.0, 6.0))
        Path("go").touch()
        await asyncio.gather(*busy, kept, last)

    with Clips(most=4) as clips:
        asyncio.run(ask(clips))
    assert sorted(made()) == [1.0, 2.0, 3.0, 5.0]


def test_what_cannot_be_made_is_refused_or_remembered(marked: Mark) -> None:
    window = Window("a.mp4", 0.0, 1.0)

    async def ask(clips: Clips) -> Sequence[bytes]:
        with suppress(Refused):
            await clips.made(broken, marked, window)
        return await clips.made(broken, marked, window)

    with Clips() as clips, pytest.raises(Refused, match="it cannot be shown: is damaged"):
        asyncio.run(ask(clips))
    assert made() == [1.0, 1.0]
    with Clips(instead=[b""]) as clips:
        assert asyncio.run(ask(clips)) == [b""]
    assert made() == [1.0, 1.0, 1.0]
