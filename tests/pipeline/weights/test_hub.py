"""A repository of the Hugging Face hub by its id: its files asked from the hub, at one commit, and fetched."""

import hashlib
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline.errors import LaffError
from pipeline.graph.published import named
from pipeline.weights import hub, lookup, note

TENSORS = b"\x02\0\0\0\0\0\0\0{}"  # a safetensors file without any
SHA256 = hashlib.sha256(TENSORS).hexdigest()
KEPT_APART = {"sha256": SHA256, "size": len(TENSORS)}


class Hub(ThreadingHTTPServer):
    """Answers what it has under a path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.has: dict[str, bytes] = {}


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        content = self.server.has.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    hub_of_ours = Hub()
    Thread(target=hub_of_ours.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub_of_ours.server_address[1]}")
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "store"))
    for switch in ("LAFF_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    yield hub_of_ours
    hub_of_ours.shutdown()


def listing(*files: str) -> bytes:
    siblings = [{"rfilename": name} | ({"lfs": KEPT_APART} if ".safetensors" in name else {}) for name in files]
    return json.dumps({"sha": "c0ffee", "siblings": siblings}).encode()


def test_a_repository_is_fetched_as_it_stands_at_one_commit(server: Hub, tmp_path: Path) -> None:
    """Its tensors once, checked by the hub's sha256; configs and tokenizers; nothing else of it."""
    files = ("README.md", "config.json", "model.safetensors", "pytorch_model.bin", "merges.txt", "onnx/model.onnx")
    server.has["/api/models/someone/something/revision/v1?blobs=true"] = listing(*files)
    for name, content in (("config.json", b"{}"), ("model.safetensors", TENSORS), ("merges.txt", b"a b")):
        server.has[f"/someone/something/resolve/c0ffee/{name}"] = content
    entry = named("hf:someone/something@v1")
    assert entry is not None
    assert lookup.find(entry) is None
    path = lookup.obtain(entry)
    assert path == tmp_path / "store" / "someone--something@v1" == lookup.find(entry)
    assert sorted(file.name for file in path.iterdir()) == ["config.json", "merges.txt", "model.safetensors"]
    server.has.clear()
    assert lookup.obtain(entry) == path  # what is here is not fetched again
    assert note.origin(path) == "https://huggingface.co/someone/something/resolve/c0ffee/"  # main moves on
    names = ("config.json", "merges.txt", "model.safetensors")
    assert list(note.noted(path)) == [f"{path.name}/{name}" for name in names]


def test_what_is_wrong_with_a_repository_is_told(server: Hub, tmp_path: Path) -> None:
    entry = named("hf:someone/something")
    assert entry is not None
    address = "/api/models/someone/something/revision/main?blobs=true"
    with pytest.raises(LaffError, match=r"the server says 404.*into the folder .*someone--something"):
        lookup.obtain(entry)
    server.has[address] = listing("README.md", "model.onnx")
    with pytest.raises(LaffError, match=r"has none of model\.safetensors, .*; it holds README\.md, model\.onnx"):
        lookup.obtain(entry)
    server.has[address] = listing("config.json", "model.safetensors")
    server.has |= {"/someone/something/resolve/c0ffee/config.json": b"{}"}
    server.has |= {"/someone/something/resolve/c0ffee/model.safetensors": TENSORS + b" "}
    with pytest.raises(LaffError, match=f"but it should be {SHA256}"):
        lookup.obtain(entry)
    assert not [file for file in (tmp_path / "store").iterdir() if not file.name.endswith(".sha256")]


@pytest.mark.parametrize(
    "name", ["something", "a/b@..", "a/b@.", "a/b@v/1", "a/b..c", "a/b--c", "../b", "a/b/c", "a/b@v1?x", "a/b c"]
)
def test_what_is_no_repository_of_the_hub(name: str) -> None:
    """Each would ask another address, or share a folder with another repository."""
    with pytest.raises(ValueError, match=f"hf:{re.escape(name)} should be hf:ORG/NAME"):
        named(f"hf:{name}")


def test_large_models_come_in_parts(tmp_path: Path) -> None:
    entry = named("hf:someone/something")
    assert entry is not None
    parts = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    answer = tmp_path / "list"
    answer.write_bytes(listing("config.json", "model.safetensors.index.json", *parts, "pytorch_model-1-of-1.bin"))
    whole = hub.complete(entry, answer)
    assert list(whole.files) == ["config.json", *parts, "model.safetensors.index.json"]
    assert set(whole.files.values()) == {None, SHA256}
    assert whole.source == "https://huggingface.co/someone/something/resolve/c0ffee/"
