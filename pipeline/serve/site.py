"""What answers each address: the page, questions, pictures, clips."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipeline import progress
from pipeline.errors import LaffError, printable
from pipeline.pictures import middle
from pipeline.pictures.plain import is_plain
from pipeline.serve import browsers, making, question, sending
from pipeline.serve.clips import Clips
from pipeline.serve.guard import mistake
from pipeline.serve.held import mark
from pipeline.serve.hits import completed
from pipeline.serve.moments import Window
from pipeline.serve.opened import Opened, check_row
from pipeline.serve.plays import FILE, MADE, Plays
from pipeline.serve.problems import Refused
from pipeline.serve.question import Question
from pipeline.serve.searches import Searches
from pipeline.serve.served import Served, of_key
from pipeline.serve.static import Static

Result = TypeVar("Result")
PICTURES = 500  # that may wait to be made: one for each hit of an answer
PATIENCE = 3.0  # seconds at most that a browser waits for a better picture, since it has few connections
LOOKING = 1.0  # seconds at most for a look at the file of a hit; of one that takes longer a clip is made
GLANCE = 0.2  # seconds at most for a look at whether a workspace has changed, where no search asks
READERS = 4  # threads that read files, and as many that check them, which may take their digests


class Site:
    """The addresses of the server; works inside its `with` block."""

    def __init__(self, workspaces: dict[str, Served]) -> None:
        """workspaces: by key, the first is the one that is meant without."""
        self._workspaces = workspaces
        self._static, self._plays = Static(), Plays()
        self._searches, self._clips = Searches(), Clips()
        self._pictures = Clips(middle.SECONDS, PICTURES, instead=[b""])
        self._readers, self._checkers = (ThreadPoolExecutor(READERS, name) for name in ("readers", "checkers"))

    def __enter__(self) -> Site:
        self._clips.__enter__()
        self._pictures.__enter__()
        for served in self._workspaces.values():  # what a first question would wait for
            self._searches.later(partial(_warm, served))
        return self

    def __exit__(self, *reason: Any) -> None:
        self._clips.__exit__(*reason)
        self._pictures.__exit__(*reason)
        self._searches.close()
        for threads in (self._readers, self._checkers):
            threads.shutdown(wait=False, cancel_futures=True)

    def app(self) -> Starlette:
        """The ASGI application."""
        addresses: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self.page,
            "/static/{name}": self.static,
            "/api/workspaces": self.workspaces,
            "/api/search": partial(self.ask, needs="q"),
            "/api/like": partial(self.ask, needs="id"),
            "/thumbnail/{key}/{item}": self.thumbnail,
            "/clip/{key}/{item}": self.clip,
            "/stills/{key}/{item}/{number}": self.still,
        }
        routes = [Route(path, _told(answer), methods=["GET"]) for path, answer in addresses.items()]
        return Starlette(routes=routes, exception_handlers={404: _nothing})

    async def page(self, request: Request) -> Response:
        """The page of search."""
        return sending.small(request, self._static.page, "text/html; charset=utf-8")

    async def static(self, request: Request) -> Response:
        """A script or a style of the page."""
        return sending.small(request, *self._static.file(request.path_params["name"]))

    async def workspaces(self, request: Request) -> Response:
        """What is served."""
        for served in self._workspaces.values():
            with suppress(TimeoutError, Refused):  # a model is being loaded, or a run is at work: as it was before
                await asyncio.wait_for(self._searches.do(served.current), GLANCE)
        return _json([_about(served) for served in self._workspaces.values()])

    async def ask(self, request: Request, needs: str) -> Response:
        """The answer to a sentence (needs q), or the videos like one (needs id)."""
        asked = question.read(request.query_params.multi_items(), needs)
        served = of_key(self._workspaces, asked.workspace)
        answer, opened = await _while_here(request, self._searches.do(partial(_answer, served, asked)))
        hits = answer["hits"]
        plays = await asyncio.gather(*(self._play(opened, hit["item"]) for hit in hits))
        answer["hits"] = await self._read(
            lambda: [completed(hit, served.key, opened, play) for hit, play in zip(hits, plays, strict=True)]
        )
        return _json(answer)

    async def _play(self, opened: Opened, row: int) -> str:
        """How an item plays."""
        if not opened.catalog.paths[row]:
            return ""
        try:
            return await asyncio.wait_for(self._checked(partial(self._plays.of, opened, row)), LOOKING)
        except TimeoutError:
            return MADE if making.encoder() else ""

    async def thumbnail(self, request: Request) -> Response:
        """The picture of an item: its thumbnail, or a frame from its middle where that is of one colour."""
        opened, row = self._item(request)
        jpeg = await self._read(partial(opened.looks.thumbnail, row))
        if not jpeg:
            raise Refused("this item has no picture", 404)
        if await self._read(partial(is_plain, jpeg)):
            with suppress(TimeoutError, Refused):  # it is not ready yet, or the file is gone
                making_it = self._made(request, self._pictures, opened, row, making.picture)
                [other] = await asyncio.wait_for(making_it, PATIENCE)
                jpeg = other or jpeg
        return sending.small(request, jpeg, "image/jpeg")

    async def clip(self, request: Request) -> Response:
        """The video of an item: its file where browsers play that, else its window made into a clip."""
        opened, row = self._item(request)
        play = MADE if "made" in request.query_params else await self._checked(partial(self._plays.of, opened, row))
        path = opened.catalog.paths[row]
        if play == FILE:
            descriptor, status = await self._checked(partial(opened.files.opened, row))
            return sending.file(request, descriptor, status, browsers.content_type(path))
        entry = making.encoder()
        if play != MADE or entry is None:
            await self._checked(partial(opened.files.check, row))
            raise Refused("this video can be shown as stills only", 404)
        [clip] = await self._made(request, self._clips, opened, row, making.clip)
        return sending.small(request, clip, entry[2])

    async def still(self, request: Request) -> Response:
        """A moment of an item, of making.STILLS that are evenly spread."""
        opened, row = self._item(request)
        number = request.path_params["number"]
        if number not in map(str, range(making.STILLS)):
            raise Refused(f"no still {number[:20]!r}; they are 0 to {making.STILLS - 1}", 404)
        stills = await self._made(request, self._clips, opened, row, making.stills)
        return sending.small(request, stills[int(number)], "image/jpeg")

    async def _made(
        self, request: Request, clips: Clips, opened: Opened, row: int, job: Callable[[Window], list[bytes]]
    ) -> list[bytes]:
        """What a job makes of an item's window. Refused where its file is not that of the table."""
        status = await self._checked(partial(opened.files.check, row))
        window = Window(opened.catalog.paths[row], *opened.window(row))
        return list(await _while_here(request, clips.made(job, mark(status), window)))

    def _item(self, request: Request) -> tuple[Opened, int]:
        """The workspace and the row that an address names. Refused where there is none, or it is of another table."""
        served = of_key(self._workspaces, request.path_params["key"])
        opened = served.now
        if request.query_params.get("v", opened.version) != opened.version:
            raise Refused(f"{served.name} has changed since; search again", 410)
        return opened, check_row(opened, request.path_params["item"])

    async def _read(self, function: Callable[[], Result]) -> Result:
        """The result of a function that reads files, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, function)

    async def _checked(self, function: Callable[[], Result]) -> Result:
        """The same of a function that checks a file."""
        return await asyncio.get_running_loop().run_in_executor(self._checkers, function)


def _warm(served: Served) -> None:
    """Load what reads sentences."""
    served.now.library.search("a")


def _about(served: Served) -> dict[str, Any]:
    about = {"key": served.key, "name": served.name} | served.now.about
    return about | {"notes": [*([served.note] if served.note else []), *about["notes"]]}


def _answer(served: Served, asked: Question) -> tuple[dict[str, Any], Opened]:
    opened = served.current()
    answer = opened.answer(asked)
    return answer | {"notes": [*([served.note] if served.note else []), *answer["notes"]]}, opened


async def _while_here(request: Request, answer: Awaitable[Result]) -> Result:
    """The result of `answer`, which is given up where nobody waits for it any more."""
    working = asyncio.ensure_future(answer)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            raise Refused("nobody waits for this any more", 499)
        return working.result()
    finally:
        leaving.cancel()


async def _left(request: Request) -> None:
    """Return when the connection is closed."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _told(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The same with mistakes as answers in words; those of laff itself are told in the terminal too."""

    async def told(request: Request) -> Response:
        try:
            return await answer(request)
        except Refused as refused:
            return mistake(str(refused), refused.status)
        except LaffError as error:
            return mistake(str(error), 400)
        except Exception as error:
            progress.say(printable(f"{request.url.path}: {type(error).__name__}: {error}"))
            return mistake("something is wrong in laff itself; the terminal where it runs says what", 500)

    return told


async def _nothing(request: Request, error: Exception) -> Response:
    return mistake("nothing is at this address; the page is at /", 404)


def _json(content: Any) -> Response:
    return JSONResponse(content, headers={"cache-control": "no-store"})
