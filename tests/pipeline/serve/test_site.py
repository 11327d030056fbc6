"""The addresses of the server in one process: answers, pictures, clips, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import av
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from pipeline.search.library import Library
from pipeline.serve.access import Access
from pipeline.serve.guard import Guard
from pipeline.serve.served import Served, served
from pipeline.serve.site import Site
from tests.pipeline.serve.films import HOSTILE, ITEMS, Films

HERE = "http://localhost:8000"
SENTENCE = "a red circle"


@pytest.fixture(scope="module")
def workspaces(films: Films) -> dict[str, Served]:
    return served([films.work])


@pytest.fixture(scope="module")
def site(workspaces: dict[str, Served]) -> Iterator[TestClient]:
    with Site(workspaces) as site, TestClient(Guard(site.app(), Access("127.0.0.1", 8000)), HERE) as client:
        yield client


def asked(site: TestClient, path: str = "/api/search", **given: Any) -> dict[str, Any]:
    answer = site.get(path, params=given)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def hit(site: TestClient, id_: str) -> dict[str, Any]:
    [found] = [found for found in asked(site, q=SENTENCE)["hits"] if found["id"] == id_]
    return found


def refused(site: TestClient, path: str, status: int, **options: Any) -> str:
    answer = site.get(path, **options)
    assert answer.status_code == status, answer.text
    error: str = answer.json()["error"]
    return error


def test_what_is_served(site: TestClient) -> None:
    [one] = site.get("/api/workspaces").json()
    assert (one["key"], one["name"], one["videos"]) == ("films", "films", len(ITEMS))
    assert one["models"] == [
        {
            "name": "laff",
            "label": "laff",
            "features": {"video": ["one", "other"], "text": ["bow"]},
            "weighable": {"video": True, "text": False},
        },
        {
            "name": "concat",
            "label": "concat",
            "features": {"video": ["one", "other"], "text": ["bow"]},
            "weighable": {"video": False, "text": False},
        },
    ]
    assert one["splits"] == ["all", "train", "val", "test"]
    assert one["examples"]


def test_what_can_be_weighed_is_what_the_trained_models_weigh(site: TestClient, films: Films) -> None:
    [one] = site.get("/api/workspaces").json()
    library = Library.open(films.work, [model["name"] for model in one["models"]])
    told = {model["name"]: model["weighable"] for model in one["models"]}
    trained = {name: {"video": bool(w.video), "text": bool(w.text)} for name, w in library.weighable().items()}
    assert told == trained


def test_an_answer_is_that_of_the_library(site: TestClient, films: Films) -> None:
    answer = asked(site, q=SENTENCE, k=4)
    hits = Library.open(films.work).search(SENTENCE, 4)
    assert [(found["id"], found["score"], found["shares"]) for found in answer["hits"]] == [
        (found.video, found.score, found.shares) for found in hits
    ]
    assert [found["rank"] for found in answer["hits"]] == [1, 2, 3, 4]
    assert answer["query"] == SENTENCE
    assert answer["model"] == "laff"
    assert not answer["lost"]


def test_words_that_are_not_known_are_told(site: TestClient) -> None:
    answer = asked(site, q="a red zebra")
    assert answer["unknown"] == {"zebra": ["bow"]}
    assert not answer["lost"]
    assert asked(site, q="zebra")["lost"]


def test_models_weights_and_splits(site: TestClient, films: Films) -> None:
    both = asked(site, q=SENTENCE, model=["laff", "concat"], weight="model:concat=0")
    assert both["model"] == "rrf-laff-concat"
    assert [found["id"] for found in both["hits"]] == [found["id"] for found in asked(site, q=SENTENCE)["hits"]]
    only_one = asked(site, q=SENTENCE, weight="video:other=0")["hits"]
    assert all(found["shares"]["one"] == pytest.approx(1) for found in only_one)
    tested = asked(site, q=SENTENCE, split="test")["hits"]
    assert {found["id"] for found in tested} == {"old", "old part"}


def test_like_a_video(site: TestClient) -> None:
    answer = asked(site, "/api/like", id="-rf", k=3)
    assert len(answer["hits"]) == 3
    assert "-rf" not in [found["id"] for found in answer["hits"]]


@pytest.mark.parametrize("id_", ITEMS)
def test_awkward_names_and_captions_are_data(site: TestClient, id_: str) -> None:
    """Each item is found by its id, with its caption as it is, and its picture, clip and stills are there."""
    found = hit(site, id_)
    name, start, _, caption = ITEMS[id_]
    assert found["captions"] == [caption]
    assert found["file"] == f"videos/{name}"
    assert found["start"] == (float(start) if start else None)
    assert found["play"] == ("transcoded" if name.endswith(".avi") else "file")
    assert asked(site, "/api/like", id=id_)["hits"]
    assert Image.open(io.BytesIO(site.get(found["thumbnail"]).content)).format == "JPEG"
    clip = site.get(found["clip"])
    assert (clip.status_code, clip.headers["content-type"]) == (200, "video/mp4")
    with av.open(io.BytesIO(clip.content)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    still = site.get(found["clip"].replace("/clip/", "/stills/").replace("?", "/7?"))
    assert Image.open(io.BytesIO(still.content)).format == "JPEG"


def test_the_file_is_sent_as_it_is_by_ranges(site: TestClient, films: Films) -> None:
    content, clip = (films.videos / "plain.mp4").read_bytes(), hit(site, "plain")["clip"]
    whole = site.get(clip)
    assert whole.content == content
    assert whole.headers["accept-ranges"] == "bytes"
    part = site.get(clip, headers={"range": "bytes=10-29"})
    assert (part.status_code, part.content) == (206, content[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(content)}"
    assert site.get(clip, headers={"range": "bytes=-7"}).content == content[-7:]
    beyond = site.get(clip, headers={"range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
    changed = site.get(clip, headers={"range": "bytes=10-29", "if-range": '"another"'})
    assert (changed.status_code, changed.content) == (200, content)
    head = site.head(clip)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(content))


def test_pictures_are_not_sent_again(site: TestClient) -> None:
    first = site.get(hit(site, "plain")["thumbnail"])
    again = site.get(hit(site, "plain")["thumbnail"], headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_video_that_begins_black_is_shown_by_a_frame_from_its_middle(
    site: TestClient, workspaces: dict[str, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Second 1 of 2 is frame 10 of 20 whose left half rises from 0 to 255: level 255 * 10 / 19. It is decoded once."""
    found = hit(site, "%2e%2e")
    jpegs = [site.get(found["thumbnail"]).content]
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.serve.clips.Killable.imap", lambda *given: pytest.fail("made once more"))
        jpegs.append(site.get(found["thumbnail"]).content)
    for jpeg in jpegs:
        left, right = np.array_split(np.asarray(Image.open(io.BytesIO(jpeg)), float), 2, axis=1)
        assert (left.mean(), right.mean()) == (pytest.approx(255 * 10 / 19, abs=8), pytest.approx(0, abs=8))
    dark = hit(site, "plain")  # of one colour in the middle, too
    assert site.get(dark["thumbnail"]).content == workspaces["films"].now.looks.thumbnail(dark["item"])


def test_addresses_of_an_earlier_table_are_refused(site: TestClient) -> None:
    assert "has changed since; search again" in refused(site, "/clip/films/0?v=00000000", 410)


@pytest.mark.parametrize(
    "path",
    [
        *("/clip/films/../../c.yaml", "/clip/films/..%2f..%2fc.yaml", "/clip/films//etc/passwd"),
        *("/clip/films/%2fetc%2fpasswd", "/static/..%2fsite.py", "/static/../site.py", "/static/", "/static"),
        *("/thumbnail/films", "/clip", "/work/run.yaml", "//etc/passwd", "/stills/films/0/../../../c.yaml"),
    ],
)
def test_nothing_is_at_paths_of_files(site: TestClient, path: str) -> None:
    answer = site.get(HERE + path)
    assert answer.status_code in (400, 404)
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize("item", ["10", "-1", "1.0", "²", "0x1", "plain", "99999999999999999999", "%00", "1%0a"])
def test_items_are_numbers_of_the_table(site: TestClient, item: str) -> None:
    for kind in ("thumbnail", "clip"):
        assert "no item" in refused(site, f"/{kind}/films/{item}", 400)
    assert "no still" in refused(site, "/stills/films/0/8", 404)


def test_a_path_of_another_folder_is_no_id(site: TestClient, films: Films) -> None:
    for path in ("/etc/passwd", str(films.videos / "plain.mp4"), "../films/videos/plain.mp4"):
        assert refused(site, f"/api/like?id={quote(path, safe='')}", 404) == "no video has this id"


def test_what_cannot_be_answered_is_told(site: TestClient) -> None:
    assert "at most 2,000 are read" in refused(site, f"/api/search?q={'a' * 10_000}", 400)
    assert "no model 'lafff'; did you mean 'laff'?" in refused(site, "/api/search?q=a&model=lafff", 400)
    assert "no split 'tets'; did you mean 'test'?" in refused(site, "/api/search?q=a&split=tets", 400)
    assert "no video feature 'two'" in refused(site, "/api/search?q=a&weight=video:two=1", 400)
    assert "no workspace 'flims' is served here; did you mean 'films'?" in refused(site, "/api/search?q=a&w=flims", 404)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.1.7"])
def test_another_name_is_refused(site: TestClient, host: str) -> None:
    for path in ("/", "/api/workspaces", "/clip/films/0", "/nothing"):
        assert "was called by another name" in refused(site, path, 421, headers={"host": host})


def test_pages_of_other_servers_may_not_ask(site: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert "may not ask" in refused(site, "/clip/films/0?made=1", 403, headers=headers)
    link = {**headers, "sec-fetch-mode": "navigate"}  # it may lead to the page alone
    assert site.get("/", params={"q": "a"}, headers=link).status_code == 200
    assert "may not ask" in refused(site, "/api/search?q=a", 403, headers=link)
    for origin in ("null", "http://evil.example", "http://localhost:8001"):
        assert "may not ask" in refused(site, "/api/search?q=a", 403, headers={"origin": origin})
    assert site.get("/api/workspaces", headers={"origin": HERE}).status_code == 200
    assert site.get("/api/workspaces", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_changed(site: TestClient, method: str) -> None:
    answer = site.request(method, "/api/search?q=a")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["/", "/static/style.css", "/api/workspaces", "/thumbnail/films/0", "/nothing", "/clip/films/x"]
)
def test_every_answer_keeps_the_page_to_this_server(site: TestClient, path: str) -> None:
    headers = site.get(path).headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "media", "connect")} == {"'self'"}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_hostile_words_reach_the_page_as_json_alone(site: TestClient) -> None:
    answer = site.get("/api/search", params={"q": HOSTILE})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["query"] == HOSTILE
    assert "<script>alert" not in site.get("/", params={"q": HOSTILE}).text


def test_elsewhere_a_token_is_asked_for(workspaces: dict[str, Served]) -> None:
    access = Access("0.0.0.0", 8000, "right")
    client = TestClient(Guard(Site(workspaces).app(), access), HERE, follow_redirects=False)
    for path in ("/", "/api/workspaces", "/clip/films/0", "/?token=wrong", "/?token=%C3%A9"):
        assert "open the whole address" in refused(client, path, 401)
    first = client.get("/?token=right&q=a+b&w=films")
    assert (first.status_code, first.headers["location"]) == (303, "/?q=a+b&w=films")
    assert "HttpOnly" in first.headers["set-cookie"]
    assert client.get(first.headers["location"]).status_code == 200
    for path in ("//evil.example/", "///evil.example/", "/%5Cevil.example/", "/\\/evil.example/"):
        location = client.get(f"{HERE}{path}?token=right").headers["location"]
        assert urljoin(HERE, location.replace("\\", "/")) == f"{HERE}/evil.example/"  # as a browser reads it
    other = TestClient(Guard(Site(workspaces).app(), access), HERE, cookies={"laff-8000": "wrong"})
    assert "open the whole address" in refused(other, "/", 401)


def test_a_mistake_of_ours_is_told_in_a_sentence(
    workspaces: dict[str, Served], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workspaces["films"].now.looks, "thumbnail", lambda row: 1 / 0)
    client = TestClient(Guard(Site(workspaces).app(), Access("127.0.0.1", 8000)), HERE)
    assert refused(client, "/thumbnail/films/0", 500).startswith("something is wrong in laff itself")
    assert "/thumbnail/films/0: ZeroDivisionError" in capsys.readouterr().err


def test_a_video_that_is_gone_or_changed_is_not_shown(films: Films, tmp_path: Path) -> None:
    """Also where a link, of the same size, leads to another file; a copy with another date is the same video."""
    copy = films.copy(tmp_path / "films")
    (copy.work / "run.yaml").unlink()
    copy.run()
    workspaces = served([copy.work])
    private = tmp_path / "private.mp4"
    with Site(workspaces) as site, TestClient(Guard(site.app(), Access("127.0.0.1", 8000)), HERE) as client:
        clips = {name: hit(client, id_)["clip"] for id_, (name, start, *_) in ITEMS.items() if not start}
        black = hit(client, "%2e%2e")
        (copy.videos / "bold.mp4").unlink()
        assert "cannot be opened (No such file or directory)" in refused(client, clips["bold.mp4"], 410)
        (copy.videos / "-rf.mp4").write_bytes(b"short")
        assert "is not the file that was indexed any more" in refused(client, clips["-rf.mp4"], 410)
        content = (copy.videos / "percent.mp4").read_bytes()
        private.write_bytes(bytes(len(content)))
        (copy.videos / "percent.mp4").unlink()
        (copy.videos / "percent.mp4").symlink_to(private)
        for path in (clips["percent.mp4"], clips["percent.mp4"] + "&made=1"):
            assert "is not the file that was indexed any more" in refused(client, path, 410)
        assert hit(client, "%2e%2e")["play"] == "transcoded"  # so that who wants it is told; nothing was looked at
        kept = workspaces["films"].now.looks.thumbnail(black["item"])
        assert client.get(black["thumbnail"]).content == kept
        again = (copy.videos / "plain.mp4").read_bytes()
        (copy.videos / "plain.mp4").write_bytes(again)
        assert client.get(clips["plain.mp4"]).content == again
