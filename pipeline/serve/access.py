"""Who may ask: names by which this server is called, and the token where others than this machine can reach it."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TOKEN = "token"  # in the address, on the first visit


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True)
class Access:
    """The rules for one server."""

    host: str
    port: int
    token: str = ""  # "": none is asked for

    @classmethod
    def to(cls, host: str, port: int) -> Access:
        """The rules of a server at an address: with a new token, where that is not of this machine alone."""
        return cls(host, port, "" if is_loopback(host) else secrets.token_urlsafe(24))

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token: browsers keep cookies by host, whatever the port."""
        return f"laff-{self.port}"

    @property
    def address(self) -> str:
        """The address for the browser, with the token."""
        host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(self.host, self.host)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}/" + (f"?{TOKEN}={self.token}" if self.token else "")

    def is_own(self, host: str) -> bool:
        """Whether a Host header names this server.

        A page elsewhere can let its own name lead to this machine (DNS rebinding), and would be the same origin as this
        server; its name gives it away. Any port will do, for it may have come through a tunnel.
        """
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in LOOPBACK or name == self.host.lower():
            return True
        return bool(self.token) and (_is_number(name) or name in _names())

    def is_known(self, token: str) -> bool:
        """Whether a token is the right one, in a time that tells nothing of it."""
        return hmac.compare_digest(token.encode(), self.token.encode())


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _names() -> set[str]:
    """What this machine is called."""
    return {socket.gethostname().lower(), socket.getfqdn().lower()}
