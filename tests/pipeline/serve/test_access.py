"""Names of a server, and its token."""

from __future__ import annotations

import socket

import pytest

from pipeline.serve.access import Access, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_on_this_machine_alone_there_is_no_token(host: str) -> None:
    access = Access.to(host, 8000)
    assert is_loopback(host)
    assert not access.token
    assert "token" not in access.address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "10.0.0.1", "2001:db8::1", "example.org"])
def test_elsewhere_a_new_token_each_time(host: str) -> None:
    first, second = Access.to(host, 8000), Access.to(host, 8000)
    assert len(first.token) >= 32
    assert first.token != second.token
    assert first.address.endswith(f":8000/?token={first.token}")
    assert first.is_known(first.token)
    assert not first.is_known(second.token)
    assert not first.is_known("")


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("LocalHost", True),
        ("localhost.:8000", True),
        ("localhost:9000", True),  # through a tunnel
        ("evil.example:8000", False),
        ("localhost.evil.example:8000", False),
        ("localhost@evil.example", False),
        ("evil.example@localhost", True),  # the name is localhost; no browser sends such a header
        ("127.0.0.1.nip.io", False),
        ("192.168.1.7:8000", False),
        ("", False),
        ("[::1", False),
        (":8000", False),
    ],
)
def test_names_of_a_server_on_this_machine_alone(host: str, own: bool) -> None:
    assert Access.to("127.0.0.1", 8000).is_own(host) == own


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("192.168.1.7:8000", True),
        ("[2001:db8::1]:8000", True),
        (f"{socket.gethostname()}:8000", True),
        ("evil.example", False),
    ],
)
def test_names_of_a_server_for_others(host: str, own: bool) -> None:
    assert Access.to("0.0.0.0", 8000).is_own(host) == own


def test_an_address_of_version_six_is_in_brackets() -> None:
    assert Access.to("::1", 80).address == "http://[::1]:80/"
