"""What a look at the videos says of files that are missing, links to nothing, or pictures: each costs itself."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from pipeline.plan import steps
from pipeline.plan.plan import stage_plan
from pipeline.store import ledger

GRAPH = """
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
"""


def test_files_that_are_no_videos(collect: Callable[..., Path], surroundings: Callable, tmp_path: Path):
    path = collect(train={"gone": ["one"], "broken": ["two"], "picture": ["three"], "private": ["four"]})
    videos = tmp_path / "videos"
    for name in ("gone", "broken", "picture", "private"):
        (videos / f"{name}.mp4").unlink()
    (videos / "broken.mp4").symlink_to(".git/annex/broken.mp4")
    Image.new("RGB", (32, 32)).save(videos / "picture.png")
    (videos / "private.mp4").write_text("user:password")
    context = surroundings(path, (), GRAPH)
    steps.module(context.stage("decode")).run(context, stage_plan(context, "decode"))
    reasons = {line["video"]: line["reason"] for line in ledger.read(context.work.ledger)}
    assert reasons["gone"] == "there is no such file"
    assert reasons["broken"].startswith("is a link to nothing: .git/annex/broken.mp4 is not here")
    assert reasons["picture"] == "is a still picture (PNG), not a video"
    assert reasons["private"].endswith("not a video, or damaged at its beginning")
    assert context.failed("decode") == {"gone", "broken", "picture", "private", "val0", "test0"}
    Image.new("RGB", (32, 32)).save(videos / "gone.gif")  # it comes: its shard is to be made again
    assert stage_plan(surroundings(path, (), GRAPH), "decode").todo
