"""A server of the search page with canned answers, which keeps what it was asked: for tests of the page alone."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import av
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HOSTILE = "<img src=x onerror=window.harmed=1>\"'><script>window.harmed=1</script>../-rf"
TOTAL = 60  # videos of the first collection
PART = (0.5, 0.9)  # seconds: the window of every third video
VIDEO, TEXT = ["x3d", "clip"], ["bow", "clip"]


def model(name: str, weighable: bool) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "features": {"video": VIDEO, "text": TEXT},
        "weighable": {"video": weighable, "text": weighable},
    }


WORKSPACES = [
    {
        "key": "first",
        "name": "First",
        "videos": TOTAL,
        "models": [model("laff", True), model("concat", False)],
        "main": ["laff"],
        "splits": ["all", "train", "test"],
        "notes": ["a note of the collection"],
        "examples": ["a red circle", "a blue square", "a green star"],
    },
    {
        "key": "second",
        "name": HOSTILE,
        "videos": 1,
        "models": [model("conse", False)],
        "main": ["conse"],
        "splits": ["all"],
        "notes": [],
        "examples": [],
    },
]


@dataclass
class Canned:
    """The server, its address, and what it was asked."""

    folder: Path
    address: str = ""
    asked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)  # path, pairs of the query string

    def last(self) -> dict[str, Any]:
        """The last question, `model` and `weight` as lists."""
        pairs = [pairs for path, pairs in self.asked if path.startswith("/api/")][-1]
        lists = {name: [value for key, value in pairs if key == name] for name in ("model", "weight")}
        return dict(pairs) | {name: values for name, values in lists.items() if values}

    def hit(self, rank: int) -> dict[str, Any]:
        """Number 1 plays its window, 2 is no video, 3 has stills, 4 has nothing; 5 is hostile, 6 has no captions."""
        play: str | None = {3: "stills", 4: None}.get(rank, "file")
        start, end = PART if rank % 3 == 1 else (None, None)
        return {
            "rank": rank,
            "id": HOSTILE if rank == 5 else f"video{rank}",
            "name": HOSTILE if rank == 5 else f"video{rank}",
            "item": rank,
            "file": f"videos/video{rank}.mp4",
            "score": 0.5 - rank / 200,
            "start": start,
            "end": end,
            "seconds": 2.0,
            "shares": {"x3d": 0.25, "clip": 0.75},
            "thumbnail": None if rank == 4 else f"/thumbnail/first/{rank}?v=1",
            "clip": f"/clip/first/{rank}?v=1" if play else None,
            "play": play,
            "stills": 3 if play else 0,
            "captions": {5: [HOSTILE], 6: []}.get(rank, [f"caption {rank}", "another caption"]),
        }

    def answer(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        given = dict(pairs)
        if given.get("k") != "3":  # the pictures of the examples
            self.asked.append((request.url.path, pairs))
        if "refused" in given.get("q", ""):
            return JSONResponse({"error": "say it otherwise"}, 400)
        hits = [self.hit(rank) for rank in range(1, min(int(given["k"]), TOTAL) + 1)]
        if "none" in given.get("q", ""):
            hits = []
        unknown = {"zyx": ["bow"]} if "zyx" in given.get("q", "") else {}
        return JSONResponse(
            {
                "query": "",
                "model": "laff",
                "milliseconds": 7.4,
                "notes": [],
                "unknown": unknown,
                "lost": given.get("q") == "zyx",
                "hits": hits,
            }
        )

    def picture(self, request: Request) -> Response:
        from starlette.responses import Response

        out = io.BytesIO()
        Image.new("RGB", (160, 120), (40 * int(request.path_params["item"]) % 255, 90, 120)).save(out, "JPEG")
        return Response(out.getvalue(), media_type="image/jpeg")

    def clip(self, request: Request) -> Response:
        from starlette.responses import FileResponse, Response

        self.asked.append((request.url.path, parse_qsl(request.url.query)))
        if request.path_params["item"] == 2 and "made" not in request.query_params:
            return Response(b"no video", media_type="video/mp4")
        return FileResponse(self.folder / "clip.mp4")


def write_clip(path: Path) -> None:
    """Two seconds of a grey that grows lighter."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@contextmanager
def served(folder: Path) -> Iterator[Canned]:
    """The server in a thread, at a free port; its pages and their headers are those of `laff serve`."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from pipeline.serve.access import Access
    from pipeline.serve.guard import Guard
    from pipeline.serve.static import Static

    write_clip(folder / "clip.mp4")
    canned, static = Canned(folder), Static()

    def file(request: Request) -> Response:
        content, kind = static.file(request.path_params["name"])
        return Response(content, media_type=kind)

    routes = [
        Route("/", lambda request: Response(static.page, media_type="text/html")),
        Route("/static/{name}", file),
        Route("/api/workspaces", lambda request: JSONResponse(WORKSPACES)),
        Route("/api/search", canned.answer),
        Route("/api/like", canned.answer),
        Route("/thumbnail/first/{item:int}", canned.picture),
        Route("/clip/first/{item:int}", canned.clip),
        Route("/stills/first/{item:int}/{number:int}", canned.picture),
    ]
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    app = Guard(Starlette(routes=routes), Access.to("127.0.0.1", port))
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    canned.address = f"http://127.0.0.1:{port}"
    try:
        yield canned
    finally:
        running.should_exit = True
        thread.join(10)
