"""What a collection lacks for stages: said for all at once, with what to add and what can be made meanwhile."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.plan import lacks
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan

Surroundings = Callable[..., Context]


def said(context: Context, *names: str) -> list[str]:
    with pytest.raises(LaffError) as error:
        lacks.check(context, context.graph.needed(names))
    return str(error.value).replace(f"{context.source.parent}/", "").split("\n")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """`write(yaml)`: a collection.yaml beside two videos, captions of each, and a topic."""
    (tmp_path / "videos").mkdir()
    for name in "ab":
        (tmp_path / "videos" / f"{name}.mp4").touch()
        (tmp_path / f"{name}.cap").write_text(f"{name}#0 a cat runs\n")
    (tmp_path / "topics.txt").write_text("1 a dog\n")

    def change(text: str) -> Path:
        (tmp_path / "collection.yaml").write_text(text)
        return tmp_path / "collection.yaml"

    return change


def test_videos_alone_are_enough_for_what_sees_them(write: Callable[[str], Path], surroundings: Surroundings) -> None:
    context = surroundings(write("videos: videos\n"))
    lacks.check(context, context.graph.needed(["x3d"]))
    assert said(context, "train") == [
        "collection.yaml: 2 problems",
        "  - no captions of train (train: {captions: FILE}), which `laff bow`, `laff train` need",
        "  - no captions of val (val: {captions: FILE}, or val: test), which `laff train` needs",
        "what is there is enough for: laff run x3d",
    ]
    assert [line.partition(" (")[0] for line in said(context, "report")[1:5]] == [
        "  - no captions of train",
        "  - no captions of val",
        "  - no texts of test",
        "  - no captions of test",
    ]
    assert stage_plan(context, "bow").missing[0].key == "fit"  # what asks about all stages, as `laff gc`, can do so
    assert len(stage_plan(context, "x3d").missing) == 1


def test_val_that_is_test_asks_for_captions_of_test(write: Callable[[str], Path], surroundings: Surroundings) -> None:
    context = surroundings(write("videos: videos\ntrain: {captions: a.cap}\nval: test\ntest: {queries: topics.txt}\n"))
    assert said(context, "train")[1] == (
        "  - no captions of val (val is test, and test has none: test: {captions: FILE}), which `laff train` needs"
    )


def test_queries_are_ranked_and_not_evaluated(write: Callable[[str], Path], surroundings: Surroundings) -> None:
    text = "videos: videos\ntrain: {captions: a.cap}\nval: {captions: b.cap}\n"
    context = surroundings(write(text))
    assert said(context, "rank")[1] == (
        "  - no texts of test (test: {captions: FILE}, or test: {queries: FILE}), which `laff rank` needs"
    )
    (context.source.parent / "videos" / "c.mp4").touch()
    context = surroundings(write(f"{text}test: {{queries: topics.txt}}\n"))
    lacks.check(context, context.graph.needed(["rank"]))
    assert said(context, "report") == [
        "collection.yaml: 1 problem",
        "  - no captions of test (test: {captions: FILE}), which `laff evaluate` needs",
        "what is there is enough for: laff run rank",
    ]


def test_val_may_be_test(write: Callable[[str], Path], surroundings: Surroundings) -> None:
    text = "videos: videos\ntrain: {captions: a.cap}\nval: test\ntest: {captions: b.cap}\n"
    context = surroundings(write(text))
    lacks.check(context, list(context.graph.stages))


def test_imported_features_are_no_videos(tmp_path: Path, surroundings: Surroundings) -> None:
    """What opens videos is not offered where there are none."""
    for split, video in (("train", "a"), ("val", "b"), ("test", "c")):
        (tmp_path / f"{split}.cap").write_text(f"{video}#0 a cat\n")
    yaml = tmp_path / "collection.yaml"
    yaml.write_text("test: {captions: test.cap}\n")
    context = surroundings(yaml)
    assert said(context, "x3d") == [
        "collection.yaml: 1 problem",
        "  - no videos (videos: FOLDER, or let train.from name imported features only), which `laff decode`, "
        "`laff x3d` need",
        "what is there is enough for: laff run ingest",
    ]
