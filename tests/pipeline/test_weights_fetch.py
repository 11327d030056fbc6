"""Downloads from a server in this process: whole and of the right sha256, or nothing at all."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline import fetch, weights
from pipeline.errors import LaffError
from pipeline.graph import Weights
from pipeline.parts import ROOT

CONTENT = bytes(range(256)) * 2000  # 512,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers every path with CONTENT, but for those that `how` names: cut, slow, lost, page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.how: dict[str, str] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        how = self.server.how.get(self.path, "whole")
        content = b"<!DOCTYPE html>please log in" if how == "page" else CONTENT
        self.send_response(404 if how == "lost" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if how in ("cut", "slow") else content)
        if how == "slow":
            self.wfile.flush()
            time.sleep(30)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "store"))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def left(store: Path) -> list[str]:
    return sorted(path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file())


def refused(entry: Weights) -> str:
    with pytest.raises(LaffError) as error:
        weights.obtain(entry)
    return str(error.value)


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_whole_file(server: Server, store: Path, sha256: str | None):
    entry = Weights("net", server.url + "net", "net.pth", sha256=sha256)
    assert weights.obtain(entry) == weights.obtain(entry) == store / "net.pth"
    assert server.asked == ["/net"]
    assert (store / "net.pth").read_bytes() == CONTENT
    assert left(store) == (["net.pth"] if sha256 else ["net.pth", "net.pth.sha256"])
    assert fetch.noted(store / "net.pth") == ({} if sha256 else {"net.pth": SHA256})


@pytest.mark.parametrize("sha256", [SHA256, None])
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut", "the connection ended after 256000 of 512000 bytes"),
        ("lost", "the server says 404 Not Found"),
    ],
)
def test_a_download_that_fails_leaves_nothing(server: Server, store: Path, sha256: str | None, how: str, said: str):
    entry = Weights("net", server.url + "net", "net.pth", sha256=sha256)
    server.how["/net"] = how
    assert refused(entry) == (
        f"weights 'net': {server.url}net could not be fetched ({said}). Get net.pth from {server.url}net by other "
        f"means, put it at {store}/net.pth (or --set STAGE.weights=FILE, or =random for a demo)"
    )
    assert left(store) == []
    del server.how["/net"]
    assert weights.obtain(entry).read_bytes() == CONTENT


def test_another_file_is_refused(server: Server, store: Path):
    wrong = Weights("net", server.url + "net", "net.pth", sha256="0" * 64)
    assert f"brought 512000 bytes of sha256 {SHA256}, but it should be {'0' * 64}" in refused(wrong)
    server.how["/page"] = "page"
    assert "brought a web page in place of the file" in refused(Weights("page", server.url + "page", "page.pth"))
    assert left(store) == []


def test_a_folder_comes_whole_or_not_at_all(server: Server, store: Path):
    entry = Weights("net", server.url, "net", files={"config.json": SHA256, "1_Pooling/a": None, "model.bin": None})
    server.how["/1_Pooling/a"] = "cut"
    assert "1_Pooling/a could not be fetched (the connection ended after" in refused(entry)
    assert left(store) == []
    assert list(store.iterdir()) == []
    server.how.clear()
    assert weights.obtain(entry) == store / "net"
    assert left(store) == ["net.sha256", "net/1_Pooling/a", "net/config.json", "net/model.bin"]
    assert list(fetch.noted(store / "net")) == ["net/config.json", "net/1_Pooling/a", "net/model.bin"]


def test_a_mirror_of_the_hub(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    weights.obtain(Weights("net", "https://huggingface.co/a/b/resolve/main/net.bin", "net.bin"))
    assert server.asked == ["/a/b/resolve/main/net.bin"]


@pytest.mark.parametrize("switch", ["LAFF_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch, switch: str):
    monkeypatch.setenv(switch, "1")
    said = refused(Weights("net", server.url + "net", "net.pth"))
    assert said.startswith(f"weights 'net' are not here, and {switch} forbids to fetch them. Get net.pth from")
    assert f"put it at {store}/net.pth (or --set STAGE.weights=FILE" in said
    assert server.asked == []
    monkeypatch.setenv(switch, "0")
    assert weights.obtain(Weights("net", server.url + "net", "net.pth"))


def test_nobody_there(server: Server, store: Path):
    begun = time.monotonic()
    assert "could not be fetched (Connection refused)" in refused(Weights("net", "http://127.0.0.1:9/net", "net.pth"))
    assert time.monotonic() - begun < 5
    assert left(store) == []


def test_a_folder_that_may_not_be_written(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(store))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    assert refused(Weights("net", server.url + "net", "net.pth")) == (
        f"weights 'net': {store} cannot be written (Permission denied); set LAFF_WEIGHTS to a folder of yours"
    )


def test_a_full_disk_is_told_as_such(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.HTTPDownloader", lambda **_: full)
    with pytest.raises(OSError, match="No space left") as error:
        weights.obtain(Weights("net", server.url + "net", "net.pth"))
    assert error.value.filename == str(store / "net.pth")
    assert left(store) == []


def test_what_a_package_would_carry(store: Path):
    assert "Install the package that carries them (pip install none-such)" in refused(
        Weights("net", "package:none_such/net.bin", "net.bin")
    )


def test_an_interrupt_leaves_nothing(server: Server, store: Path, tmp_path: Path):
    """As a process: it is stopped amid a file, and the same command succeeds later."""
    text = f"weights:\n  net: {{source: '{server.url}net', file: net.pth}}\nstages:\n  ingest: {{step: ingest}}\n"
    (tmp_path / "stages.yaml").write_text(text)
    command = [
        sys.executable,
        str(ROOT / "cli.py"),
        *("weights", "get", "net", "--stages", str(tmp_path / "stages.yaml")),
    ]
    server.how["/net"] = "slow"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    for _ in range(600):
        if server.asked:
            break
        time.sleep(0.05)
    time.sleep(0.5)  # half of the file has come, the other half is waited for
    assert [path.suffix for path in store.iterdir()] == [".partial"]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "Error: interrupted" in said
    assert "Traceback" not in said
    assert left(store) == []
    server.how.clear()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"net: {store}/net.pth\n"
    assert left(store) == ["net.pth", "net.pth.sha256"]
