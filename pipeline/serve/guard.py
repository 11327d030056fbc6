"""Around all answers: who is refused, and the headers that keep a page to this server."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serve.access import TOKEN, Access

POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "media", "connect", "font")),
        *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
MONTH = 30 * 24 * 3600  # seconds that a browser keeps the token


def mistake(text: str, status: int, **headers: str) -> Response:
    """An answer that says in a sentence what is wrong."""
    return JSONResponse({"error": text}, status, {"cache-control": "no-store", **headers})


class Guard:
    """The ASGI application around the one that answers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """app: what answers those who may ask."""
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; anything else than HTTP is not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        await (self._refusal(Request(scope)) or self._app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that gets no other; None where it may be answered."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not self._access.is_own(hosts[0]):
            return mistake(
                f"this server answers as localhost:{self._access.port} and by its own address, and was called by "
                "another name",
                421,
            )
        if request.method not in ("GET", "HEAD"):
            return mistake("only GET is answered here", 405, allow="GET, HEAD")
        site, mode = (request.headers.get(f"sec-fetch-{name}", "") for name in ("site", "mode"))
        link = mode == "navigate" and request.url.path == "/"
        origin = request.headers.get("origin", "")  # older browsers send only this
        if (site in ("cross-site", "same-site") and not link) or (origin and urlsplit(origin).netloc != hosts[0]):
            return mistake("pages of other servers may not ask this one", 403)
        return self._stranger(request) if self._access.token else None

    def _stranger(self, request: Request) -> Response | None:
        """The answer to a request without the right token in its cookie; None where it has it."""
        access = self._access
        given = request.query_params.get(TOKEN, "")
        if given and access.is_known(given):
            rest = urlencode([pair for pair in request.query_params.multi_items() if pair[0] != TOKEN])
            path = "/" + request.scope["path"].lstrip("/\\")  # //name would be the address of another server
            answer = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
            answer.headers["cache-control"] = "no-store"
            answer.set_cookie(access.cookie, access.token, max_age=MONTH, httponly=True, samesite="lax")
            return answer
        if access.is_known(request.cookies.get(access.cookie, "")):
            return None
        return mistake(f"open the whole address that `laff serve` printed, with its ?{TOKEN}=…", 401)
