"""The process that listens: a socket, and uvicorn that answers on it until somebody ends it."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from pipeline.errors import LaffError
from pipeline.serve.access import Access
from pipeline.serve.guard import Guard
from pipeline.serve.served import Served
from pipeline.serve.site import Site

BACKLOG = 512  # connections that wait to be taken
LONGEST_HEAD = 128 << 10  # bytes of a request's line and headers
GRACE = 2  # seconds that answers have which are being sent when the server ends


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one. LaffError where that cannot be."""
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise LaffError(
            f"--host {host}: no such address ({error.strerror}); without it, only this machine can ask"
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise LaffError(_why(host, port, error)) from None
    return listening


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is in use, perhaps by another `laff serve`; end that, or give another --port: "
            "0 takes any that is free"
        )
    if error.errno == errno.EACCES:
        return f"port {port} is not for everybody to use; give one above 1023, such as --port 8000"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine; without it, only this machine can ask"
    return f"cannot listen on {host}, port {port} ({error.strerror})"


def serve(workspaces: dict[str, Served], listening: socket.socket, access: Access, ready: Callable[[], None]) -> None:
    """Answer on a socket until SIGINT or SIGTERM comes: KeyboardInterrupt. ready: called when it answers."""
    with Site(workspaces) as site, _interrupted():
        config = uvicorn.Config(
            Guard(site.app(), access),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=LONGEST_HEAD,
            timeout_graceful_shutdown=GRACE,
        )
        ready()
        uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def _interrupted() -> Iterator[None]:
    """Let the signals that uvicorn raises again when it has ended be KeyboardInterrupt, whatever other threads do.

    The handler of `laff` would end the process at once, as a run that was cut off, where a thread imports torch.
    """
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
