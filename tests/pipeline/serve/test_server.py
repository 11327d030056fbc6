"""`laff serve` as a process: where it listens, how it ends, and many who ask at once."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner

import cli
from tests.forked import Forked, Process
from tests.pipeline.serve.films import Films

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\n")


@contextmanager
def serving(forked: Forked, *words: object) -> Iterator[tuple[Process, int]]:
    """The command as a process, and the port that it prints."""
    process = forked.laff("serve", "--port", 0, *words)
    end = time.monotonic() + 60
    while not (printed := ADDRESS.search(process.out())):
        assert process.poll() is None, process.said()
        assert time.monotonic() < end, process.said()
        time.sleep(0.02)
    try:
        yield process, int(printed[1])
    finally:
        process.send_signal(signal.SIGKILL)


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def found(port: int, sentence: str) -> list[tuple[str, float]]:
    status, content = get(port, f"/api/search?q={quote(sentence)}&k=5")
    assert status == 200, content
    return [(hit["id"], hit["score"]) for hit in json.loads(content)["hits"]]


def listening(port: int) -> list[str]:
    """The addresses that listen on a port, as Linux tells them: hexadecimal, 0100007F is 127.0.0.1."""
    lines = [
        line.split()
        for kind in ("tcp", "tcp6")
        if (table := Path(f"/proc/net/{kind}")).is_file()
        for line in table.read_text().splitlines()[1:]
    ]
    return [local.split(":")[0] for _, local, _, state, *_ in lines if state == "0A" and local.endswith(f":{port:04X}")]


@pytest.fixture(scope="module")
def port(forked: Forked, films: Films) -> Iterator[int]:
    with serving(forked, "-w", films.work) as (_, port):
        yield port


def test_it_listens_on_this_machine_alone(port: int) -> None:
    assert listening(port) == ["0100007F"]


def test_two_hundred_who_ask_at_once_get_what_one_gets(port: int) -> None:
    sentences = [f"a {colour} {form} moves" for colour in ("red", "blue", "green") for form in ("circle", "square")]
    alone = {sentence: found(port, sentence) for sentence in sentences}
    with ThreadPoolExecutor(200) as threads:
        wanted = [sentences[number % len(sentences)] for number in range(200)]
        answers = list(threads.map(lambda sentence: found(port, sentence), wanted))
    assert answers == [alone[sentence] for sentence in wanted]


def test_odd_requests_end_nothing(port: int) -> None:
    """Headers without end, lines that are no HTTP, and connections that say nothing or go in the middle."""
    for said in (
        b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000,
        b"\0\1\2\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\n",
        b"",
    ):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(said)
    assert get(port, "/api/search?q=" + "a" * 10_000)[0] == 400
    assert get(port, "/", Host="evil.example")[0] == 421
    assert get(port, "//etc/passwd")[0] == 404
    assert get(port, "/clip/films/..%2f..%2fc.yaml")[0] in (400, 404)
    assert found(port, "a red circle")


def test_what_is_being_made_holds_nobody_up(port: int) -> None:
    """While clips are made, a search is answered first."""
    order: list[str] = []

    def ask(name: str, path: str) -> None:
        assert get(port, path)[0] == 200
        order.append(name)

    found(port, "a red circle")
    with ThreadPoolExecutor(3) as threads:
        threads.submit(ask, "clip", "/clip/films/8?made=1")
        threads.submit(ask, "clip", "/clip/films/9?made=1")
        time.sleep(0.05)
        threads.submit(ask, "search", "/api/search?q=a")
    assert order[0] == "search"


def test_an_interrupt_ends_it_without_a_traceback(forked: Forked, films: Films) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with serving(forked, "-w", films.work) as (process, port):
            assert get(port, "/")[0] == 200
            process.send_signal(number)
            assert process.wait() == 0
            assert process.err().endswith("ended\n")
            assert "Traceback" not in process.said()


def laff(*words: Any) -> str:
    result = CliRunner().invoke(cli.main, ["serve", *map(str, words)])
    assert result.exit_code, result.output
    return result.output


def test_a_port_in_use_is_told(films: Films) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        said = laff("-w", films.work, "--port", number)
    assert f"port {number} is in use, perhaps by another `laff serve`" in said


def test_what_cannot_be_served_is_told(films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such folder" in laff("-w", tmp_path / "nothing", "--port", 0)
    assert "is not indexed yet: laff index" in laff("-w", tmp_path, "--port", 0)
    assert "no model 'lafff'; did you mean 'laff'?" in laff("-w", films.work, "--model", "lafff", "--port", 0)
    assert "--host 203.0.113.1 is no address of this machine" in laff("-w", films.work, "--host", "203.0.113.1")
    monkeypatch.chdir(tmp_path)
    assert "give -w, a workspace" in laff()
